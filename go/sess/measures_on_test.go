//go:build !race && !asan

package sess

const measuresMemory = true
