//go:build linux && cgo && libsess_pkgconfig

package csess

// #cgo pkg-config: libsess
import "C"
