// Wiki is a small wiki that does with its sessions what MoinMoin and DokuWiki do:
//
//	wiki moin|dokuwiki DIRECTORY
//
// It prints where it is, and keeps sessions in DIRECTORY by the policy of that name. Every page shows what it knows of its
// visitor; POST requests do something and lead back to the page:
//
//	/login user=eve [remember=1]   /logout   /prefs size=large
//	/note text=... token=...       a plugin's form
//	/become user=bob token=...     an administrator looks at the wiki as somebody else
//	/return token=...              and is himself again
//
// A real wiki asks for a password, of course.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"example.com/libsess/go/sess"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wiki:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: wiki moin|dokuwiki DIRECTORY")
	}
	site, err := newWiki(args[0], sess.Files(args[1]))
	if err != nil {
		return err
	}
	defer site.sessions.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%v/\n", listener.Addr())
	server := &http.Server{Handler: site.handler(), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// optionsOf are what the wiki changes of a policy.
func optionsOf(policy string) []sess.Option {
	options := []sess.Option{sess.Set("sess.policy", policy), sess.BeforeClose(beforeClose)}
	if policy == "moin" {
		// A stranger's first request leaves nothing; its cookie proves itself by this key. A service keeps that in a file.
		key := make([]byte, 32)
		rand.Read(key)
		options = append(options, sess.Set("sess.secret", "hex:"+hex.EncodeToString(key)),
			// MoinMoin's own default has no sessions of strangers: give them an hour.
			sess.Set("sess.moin_lifetime", "(1, 12)"))
	}
	return options
}
