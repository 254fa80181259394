// Strangler is a front for a PHP site that is moved to Go piece by piece: it serves /cart itself, and passes the rest
// on. Both have the sessions of one directory, so a visitor who logs in at the old site is logged in at the new one.
//
//	php -S 127.0.0.1:8081 -d session.save_path=DIR go/examples/strangler/site/index.php
//	strangler 127.0.0.1:8080 http://127.0.0.1:8081 DIR
//
// Run it as the user that PHP runs as: each refuses files of the other's.
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"example.com/libsess/go/sess"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "strangler:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: strangler ADDRESS PHP-URL SESSION-DIRECTORY")
	}
	php, err := url.Parse(args[1])
	if err != nil {
		return err
	}
	mgr, err := sess.New(sess.Files(args[2]))
	if err != nil {
		return err
	}
	defer mgr.Close()
	server := &http.Server{Addr: args[0], Handler: newSite(mgr, php), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
