package sess_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"

	"example.com/libsess/go/sess"
)

func ExampleManager_Middleware() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	mgr, err := sess.New(sess.Files(dir))
	if err != nil {
		log.Fatal(err)
	}
	defer mgr.Close()

	count := func(w http.ResponseWriter, r *http.Request) {
		s, err := mgr.Start(r.Context())
		if err != nil {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		n := sess.GetOr(s, "n", 0) + 1
		if err := s.Set("n", n); err != nil {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "visit %d", n)
	}
	server := httptest.NewServer(mgr.Middleware(http.HandlerFunc(count)))
	defer server.Close()

	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	for range 2 {
		response, err := client.Get(server.URL)
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(body))
	}
	// Output:
	// visit 1
	// visit 2
}
