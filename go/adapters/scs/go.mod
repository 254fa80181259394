module example.com/libsess/go/adapters/scs

go 1.25

require (
	example.com/libsess v0.0.0
	example.com/libsess/go/adapters/gorilla v0.0.0
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/gorilla/sessions v1.4.0
)

require github.com/gorilla/securecookie v1.1.2 // indirect

replace (
	example.com/libsess => ../../..
	example.com/libsess/go/adapters/gorilla => ../gorilla
)
