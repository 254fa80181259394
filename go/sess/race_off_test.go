//go:build !race

package sess

const measuresMemory = true
