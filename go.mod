module example.com/libsess

go 1.25

ignore (
	./build
	./target
)
