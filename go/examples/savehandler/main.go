// Savehandler counts a session up, stored by a handler written in Go: the FileSessionHandler of PHP's manual.
//
//	savehandler DIR [ID]
//
// It prints the id and the number. PHP with session.save_path = DIR goes on with the same session.
package main

import (
	"context"
	"fmt"
	"os"

	"example.com/libsess/go/sess"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "savehandler:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("usage: savehandler DIR [ID]")
	}
	mgr, err := newManager(args[0])
	if err != nil {
		return err
	}
	defer mgr.Close()
	id := ""
	if len(args) == 2 {
		id = args[1]
	}
	id, n, err := count(context.Background(), mgr, id)
	if err != nil {
		return err
	}
	fmt.Println(id, n)
	return nil
}

// newManager is session_set_save_handler(new FileSessionHandler).
func newManager(dir string, opts ...sess.Option) (*sess.Manager, error) {
	handler := sess.PerSession(func(context.Context) (sess.Handler, error) {
		return &FileSessionHandler{}, nil
	})
	return sess.New(handler, append([]sess.Option{sess.Set("session.save_path", dir)}, opts...)...)
}

// count adds one to n of a session, a new one if id is "", and returns its id and n.
func count(ctx context.Context, mgr *sess.Manager, id string) (string, int, error) {
	n := 0
	err := mgr.Update(ctx, id, func(s *sess.Session) error {
		id = s.ID()
		n = sess.GetOr(s, "n", 0) + 1
		return s.Set("n", n)
	})
	return id, n, err
}
