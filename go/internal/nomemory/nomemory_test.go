//go:build linux && cgo && !race && !asan

package nomemory

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"example.com/libsess/go/sess"
)

const id = "0123456789abcdef0123456789abcdef"

// life is one of a manager and its sessions.
func life(h sess.Handler) error {
	m, err := sess.New(h, sess.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer m.Close()
	ctx := context.Background()
	var moved string
	err = m.Update(ctx, id, func(s *sess.Session) error {
		if err := s.Set("k", map[string]any{"a": 1, "b": "x"}); err != nil {
			return err
		}
		if err := s.Login(ctx, "alice"); err != nil {
			return err
		}
		moved = s.ID()
		return nil
	})
	if err != nil {
		return err
	}
	s, err := m.Open(ctx, moved)
	if err != nil {
		return err
	}
	if err := s.Set("big", strings.Repeat("x", 20_000)); err != nil {
		s.Abort()
		return err
	}
	if err := s.Regenerate(true); err != nil {
		s.Abort()
		return err
	}
	return s.Close()
}

// TestEveryAllocation lets each allocation of the library's in a life fail, alone and with all after it. None
// ends the process, and each failure is an error that says so.
func TestEveryAllocation(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, h := range map[string]sess.Handler{"files": sess.Files(t.TempDir()), "memory": sess.Memory()} {
		for _, lasting := range []bool{false, true} {
			n := 0
			for ; ; n++ {
				Arm(n, lasting)
				err := life(h)
				if Disarm() == 0 {
					if err != nil {
						t.Errorf("%s: nothing fails: %v", name, err)
					}
					break
				}
				if err != nil && !strings.Contains(err.Error(), "memory") {
					t.Errorf("%s: allocation %d, lasting %v: %v", name, n, lasting, err)
				}
			}
			if n < 100 {
				t.Errorf("%s: only %d allocations", name, n)
			}
		}
	}
}
