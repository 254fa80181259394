//go:build race

package sess

// The race detector keeps memory of its own for every address.
const measuresMemory = false
