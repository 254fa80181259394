module example.com/libsess/go/examples/sqlite

go 1.25

require (
	example.com/libsess v0.0.0
	github.com/mattn/go-sqlite3 v1.14.53
)

replace example.com/libsess => ../../..
