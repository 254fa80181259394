package scs

import (
	"context"
	"time"

	"example.com/libsess/go/sess"
)

// The methods for one type each. All return the zero value for what is not there, and for what is of another type: a
// number that PHP code took from a form is a string, which only GetString returns.

// get reads without a detour through any.
func get[T any](m *SessionManager, ctx context.Context, key string) T {
	var zero T
	return sess.GetOr(m.reading(ctx), key, zero)
}

// pop removes the key whatever it holds, as scs does.
func pop[T any](m *SessionManager, ctx context.Context, key string) T {
	v := get[T](m, ctx, key)
	m.Remove(ctx, key)
	return v
}

// GetString returns the string under a key.
func (m *SessionManager) GetString(ctx context.Context, key string) string {
	return get[string](m, ctx, key)
}

// GetBool returns the bool under a key.
func (m *SessionManager) GetBool(ctx context.Context, key string) bool { return get[bool](m, ctx, key) }

// GetInt returns the int under a key.
func (m *SessionManager) GetInt(ctx context.Context, key string) int { return get[int](m, ctx, key) }

// GetInt64 returns the int64 under a key.
func (m *SessionManager) GetInt64(ctx context.Context, key string) int64 {
	return get[int64](m, ctx, key)
}

// GetInt32 returns the int32 under a key.
func (m *SessionManager) GetInt32(ctx context.Context, key string) int32 {
	return get[int32](m, ctx, key)
}

// GetFloat returns the float64 under a key.
func (m *SessionManager) GetFloat(ctx context.Context, key string) float64 {
	return get[float64](m, ctx, key)
}

// GetBytes returns the string of any bytes under a key.
func (m *SessionManager) GetBytes(ctx context.Context, key string) []byte {
	return get[[]byte](m, ctx, key)
}

// GetTime returns the time under a key.
func (m *SessionManager) GetTime(ctx context.Context, key string) time.Time {
	return get[time.Time](m, ctx, key)
}

// PopString returns the string under a key and removes it.
func (m *SessionManager) PopString(ctx context.Context, key string) string {
	return pop[string](m, ctx, key)
}

// PopBool returns the bool under a key and removes it.
func (m *SessionManager) PopBool(ctx context.Context, key string) bool { return pop[bool](m, ctx, key) }

// PopInt returns the int under a key and removes it.
func (m *SessionManager) PopInt(ctx context.Context, key string) int { return pop[int](m, ctx, key) }

// PopFloat returns the float64 under a key and removes it.
func (m *SessionManager) PopFloat(ctx context.Context, key string) float64 {
	return pop[float64](m, ctx, key)
}

// PopBytes returns the string of any bytes under a key and removes it.
func (m *SessionManager) PopBytes(ctx context.Context, key string) []byte {
	return pop[[]byte](m, ctx, key)
}

// PopTime returns the time under a key and removes it.
func (m *SessionManager) PopTime(ctx context.Context, key string) time.Time {
	return pop[time.Time](m, ctx, key)
}
