package sess

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// store is a Handler in Go with a lock for each id, whose methods a test may replace.
type store struct {
	mu   sync.Mutex
	data map[string][]byte
	held map[string]bool
	made int // how many ids
	// before runs at the beginning of every method.
	before func(ctx context.Context, op, id string) error
	// mine is the id that a session holds; stores that several sessions use at once are made by PerSession.
	mine string
}

func newStore() *store { return &store{data: map[string][]byte{}, held: map[string]bool{}} }

func (s *store) enter(ctx context.Context, op, id string) error {
	if s.before != nil {
		if err := s.before(ctx, op, id); err != nil {
			return err
		}
	}
	s.mu.Lock()
	return nil
}

func (s *store) Open(ctx context.Context, _, _ string) error {
	if err := s.enter(ctx, "open", ""); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return nil
}

func (s *store) Close(ctx context.Context) error {
	if err := s.enter(ctx, "close", ""); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.held, s.mine)
	return nil
}

func (s *store) Read(ctx context.Context, id string) ([]byte, error) {
	if err := s.enter(ctx, "read", id); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if s.held[id] {
		return nil, ErrLocked
	}
	s.held[id], s.mine = true, id
	return s.data[id], nil
}

func (s *store) Write(ctx context.Context, id string, data []byte) error {
	if err := s.enter(ctx, "write", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.data[id] = []byte(string(data))
	return nil
}

func (s *store) Destroy(ctx context.Context, id string) error {
	if err := s.enter(ctx, "destroy", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.data, id)
	return nil
}

func (s *store) GC(ctx context.Context, _ time.Duration) (int, error) {
	if err := s.enter(ctx, "gc", ""); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return 0, nil
}

func (s *store) CreateID(ctx context.Context) (string, error) {
	if err := s.enter(ctx, "create_sid", ""); err != nil {
		return "", err
	}
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("%032d", s.made), nil
}

func (s *store) ValidateID(ctx context.Context, id string) (bool, error) {
	if err := s.enter(ctx, "validate_sid", id); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	_, ok := s.data[id]
	return ok, nil
}

func (s *store) UpdateTimestamp(ctx context.Context, id string, data []byte) error {
	if err := s.enter(ctx, "update_timestamp", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return nil
}

// wrapped overrides methods of the built-in files.
type wrapped struct {
	*FilesHandler
	before func(ctx context.Context, op, id string) error
}

func (w *wrapped) Read(ctx context.Context, id string) ([]byte, error) {
	data, err := w.FilesHandler.Read(ctx, id)
	if err != nil {
		return nil, err
	}
	return data, w.before(ctx, "read", id)
}

func (w *wrapped) Write(ctx context.Context, id string, data []byte) error {
	if err := w.before(ctx, "write", id); err != nil {
		return err
	}
	return w.FilesHandler.Write(ctx, id, data)
}
