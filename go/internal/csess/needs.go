//go:build !(linux && cgo)

package csess

// The compiler prints this name, and with it what to do.
var _ = libsess_needs_linux_and_CGO_ENABLED_1_and_a_C_compiler
