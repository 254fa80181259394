module example.com/libsess/go/adapters/gorilla

go 1.25

require (
	example.com/libsess v0.0.0
	github.com/gorilla/sessions v1.4.0
)

require github.com/gorilla/securecookie v1.1.2 // indirect

replace example.com/libsess => ../../..
