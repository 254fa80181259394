//go:build race || asan

package sess

// The detectors keep memory of their own, and values escape to the heap that would not.
const measuresMemory = false
