package sess

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What waits in C holds a thread, and another one inside libsess; Go adds its own.
func threadLimit() int { return runtime.GOMAXPROCS(0) + 2*64 + 16 }

// watchThreads looks at the number of threads until it is stopped, and returns the most.
func watchThreads(t *testing.T) (stop func() int) {
	var most atomic.Int64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			most.Store(max(most.Load(), int64(threads(t))))
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(done)
		<-stopped
		return int(most.Load())
	}
}

// fair fails unless the slowest waited at most four times as long as the median.
func fair(t *testing.T, waits []time.Duration) {
	t.Helper()
	slices.Sort(waits)
	median, slowest := waits[len(waits)/2], waits[len(waits)-1]
	t.Logf("median %v, slowest %v", median, slowest)
	if slowest > 4*median {
		t.Errorf("the slowest of %d waited %v, the median %v", len(waits), slowest, median)
	}
}

const crowd = 2000

func TestCrowdOnOneID(t *testing.T) {
	m := newManager(t, Files(t.TempDir()), Set("sess.lock_timeout_ms", "-1"))
	id := newID(t, m)
	holder, err := m.Open(context.Background(), id)
	must(t, err)
	defer holder.Release()
	stop := watchThreads(t)
	ended := make([]time.Time, crowd)
	var group sync.WaitGroup
	for i := range crowd {
		group.Go(func() {
			if err := m.Update(context.Background(), id, increment); err != nil {
				t.Error(err)
			}
			ended[i] = time.Now()
		})
	}
	for m.lines.count(id) < crowd {
		time.Sleep(time.Millisecond)
	}
	free := time.Now()
	must(t, holder.Close())
	group.Wait()
	waits := make([]time.Duration, crowd)
	for i := range waits {
		waits[i] = ended[i].Sub(free)
	}
	if most := stop(); most > threadLimit() {
		t.Errorf("%d threads, more than %d", most, threadLimit())
	} else {
		t.Logf("%d threads of %d", most, threadLimit())
	}
	if n := valueOfN(t, m, id); n != crowd {
		t.Errorf("%d increments became %d", crowd, n)
	}
	fair(t, waits)
}

// holdAll makes sessions in a directory, prints their ids, holds their locks until it is told to let go, and lets one
// after another go.
func holdAll(args []string) error {
	m, err := New(Files(args[0]), quiet)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	ids := make([]string, count)
	for i := range ids {
		if err := m.Update(context.Background(), "", func(s *Session) error {
			ids[i] = s.ID()
			return s.Set("n", 0)
		}); err != nil {
			return err
		}
	}
	held := make([]*Session, count)
	for i, id := range ids {
		if held[i], err = m.Open(context.Background(), id); err != nil {
			return err
		}
		fmt.Println(id)
	}
	fmt.Println("held")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	for _, s := range held {
		s.Release()
	}
	fmt.Println("free")
	return nil
}

func init() { helpers["hold"] = holdAll }

func held(t *testing.T, p *process, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		line, err := p.out.ReadString('\n')
		must(t, err)
		ids[i] = line[:len(line)-1]
	}
	p.expect(t, "held")
	return ids
}

func TestCrowdOnIDsHeldElsewhere(t *testing.T) {
	dir := t.TempDir()
	other := startHelper(t, "hold", dir, strconv.Itoa(crowd))
	ids := held(t, other, crowd)
	m := newManager(t, Files(dir), Set("sess.lock_timeout_ms", "-1"))
	stop := watchThreads(t)
	waits := make([]time.Duration, crowd)
	var group sync.WaitGroup
	var tried atomic.Int64
	for i, id := range ids {
		group.Go(func() {
			tried.Add(1)
			began := time.Now()
			if err := m.Update(context.Background(), id, increment); err != nil {
				t.Error(err)
			}
			waits[i] = time.Since(began)
		})
	}
	for tried.Load() < crowd {
		time.Sleep(time.Millisecond)
	}
	// A free id never waits for anything, however many do.
	began := time.Now()
	must(t, m.Update(context.Background(), newID(t, m), increment))
	t.Logf("a free id took %v", time.Since(began))
	time.Sleep(500 * time.Millisecond)
	other.say(t, "let go")
	other.expect(t, "free")
	group.Wait()
	if most := stop(); most > threadLimit() {
		t.Errorf("%d threads, more than %d", most, threadLimit())
	} else {
		t.Logf("%d threads of %d", most, threadLimit())
	}
	for _, id := range ids {
		if n := valueOfN(t, m, id); n != 1 {
			t.Errorf("one increment became %d", n)
		}
	}
	fair(t, waits)
}

func TestContextEndsWait(t *testing.T) {
	m := newManager(t, Files(t.TempDir()))
	id := newID(t, m)
	holder, err := m.Open(context.Background(), id)
	must(t, err)
	defer holder.Release()
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error)
	const waiting = 3
	for range waiting {
		go func() {
			_, err := m.Open(ctx, id)
			errs <- err
		}()
	}
	for m.lines.count(id) < waiting {
		time.Sleep(time.Millisecond)
	}
	cancel()
	for range waiting {
		err := <-errs
		if !errors.Is(err, ErrLocked) || !errors.Is(err, context.Canceled) {
			t.Errorf("a wait that the context ended: %v", err)
		}
	}
	if n := m.lines.count(id); n != 0 {
		t.Errorf("%d are still in line", n)
	}
}

// So many are in at once and no more, who gives up takes nobody's place away, and at the end nobody is counted.
func TestGate(t *testing.T) {
	const most, goroutines, times = 3, 24, 400
	g := newGate(most)
	var inside, entered, gaveUp atomic.Int64
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for range times {
				ctx, cancel := context.WithCancel(context.Background())
				if i%2 == 0 {
					go cancel()
				}
				err := g.enter(ctx)
				cancel()
				if err != nil {
					gaveUp.Add(1)
					continue
				}
				if n := inside.Add(1); n > most {
					t.Errorf("%d are in", n)
				}
				entered.Add(1)
				runtime.Gosched()
				inside.Add(-1)
				g.leave()
			}
		})
	}
	group.Wait()
	if n, free := g.n.Load(), len(g.free); n != 0 || free != 0 {
		t.Errorf("%d are counted, %d could go in besides", n, free)
	}
	if entered.Load()+gaveUp.Load() != goroutines*times || entered.Load() < goroutines/2*times {
		t.Errorf("%d went in, %d gave up", entered.Load(), gaveUp.Load())
	}
	t.Logf("%d of %d gave up", gaveUp.Load(), goroutines*times)
}

// Waits that end one by one, in line and at its head, lose no lock and count nothing that was not saved.
func TestWaitsEndAtAnyTime(t *testing.T) {
	for name, h := range map[string]Handler{
		"in C": Files(t.TempDir()), "through Go": &encoded{FilesHandler: Files(t.TempDir())}, "memory": Memory(),
	} {
		m := newManager(t, h, Set("sess.lock_timeout_ms", "-1"))
		id := newID(t, m)
		var group sync.WaitGroup
		var saved atomic.Int64
		const most = 400
		for i := range most {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%20)*time.Millisecond)
				defer cancel()
				err := m.Update(ctx, id, func(s *Session) error {
					time.Sleep(time.Millisecond / 4)
					return increment(s)
				})
				if err == nil {
					saved.Add(1)
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		group.Wait()
		wantUnlocked(t, m, id)
		if n := valueOfN(t, m, id); n != int(saved.Load()) {
			t.Errorf("%s: %d increments became %d", name, saved.Load(), n)
		}
		if saved.Load() == most {
			t.Logf("%s: no wait ended", name)
		}
	}
}

// count is how many stand in a line.
func (l *lines) count(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if queue := l.by[key]; queue != nil {
		return queue.length
	}
	return 0
}

func TestLockTimeout(t *testing.T) {
	m := newManager(t, Files(t.TempDir()), Set("sess.lock_timeout_ms", "20"))
	id := newID(t, m)
	holder, err := m.Open(context.Background(), id)
	must(t, err)
	defer holder.Release()
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		opts     []StartOption
		also     error
	}{
		{"the directive", time.Hour, nil, nil},
		{"try once", time.Hour, []StartOption{LockTimeout(0)}, nil},
		{"LockTimeout", time.Hour, []StartOption{LockTimeout(10 * time.Millisecond)}, nil},
		{"With", time.Hour, []StartOption{With("sess.lock_timeout_ms", "10")}, nil},
		{"the context is nearer", 20 * time.Millisecond, []StartOption{LockTimeout(-1)}, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), tt.deadline)
			defer cancel()
			_, err := m.Open(ctx, id, tt.opts...)
			if !errors.Is(err, ErrLocked) {
				t.Errorf("%v is not ErrLocked", err)
			}
			if tt.also != nil && !errors.Is(err, tt.also) {
				t.Errorf("%v is not %v", err, tt.also)
			}
		})
	}
}
