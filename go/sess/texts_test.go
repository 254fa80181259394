package sess

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// No error quotes a value that a session holds, or a key that is no name or position: F-88.
func TestErrorsQuoteNothing(t *testing.T) {
	const mark = "xqz@MARKzq"
	heard := 0
	check := func(err error) {
		if err == nil {
			return
		}
		heard++
		if text := err.Error(); strings.Contains(text, "MARK") || strings.Contains(text, "8877665544") {
			t.Error(text)
		}
	}
	for _, text := range []string{
		fmt.Sprintf(`s:10:"%s";`, mark),
		`i:8877665544332211;`,
		`d:8.877665544E+300;`,
		fmt.Sprintf(`a:1:{s:10:"%s";s:10:"%s";}`, mark, mark),
		fmt.Sprintf(`a:1:{s:10:"%s";a:1:{s:10:"%s";N;}}`, mark, mark),
		`a:1:{i:8877665544332211;i:8877665544332211;}`,
		fmt.Sprintf(`O:8:"DateTime":3:{s:4:"date";s:10:"%s";s:13:"timezone_type";i:3;s:8:"timezone";s:3:"UTC";}`, mark),
		fmt.Sprintf(`O:8:"DateTime":3:{s:4:"date";s:26:"2020-01-01 00:00:00.000000";s:13:"timezone_type";i:3;s:8:"timezone";s:10:"%s";}`, mark),
		fmt.Sprintf(`O:8:"DateTime":3:{s:4:"date";s:26:"2020-01-01 00:00:00.000000";s:13:"timezone_type";i:2;s:8:"timezone";s:10:"%s";}`, mark),
		fmt.Sprintf(`O:8:"DateTime":3:{s:4:"date";s:26:"2020-01-01 00:00:00.000000";s:13:"timezone_type";i:1;s:8:"timezone";s:10:"%s";}`, mark),
		fmt.Sprintf(`O:4:"Acme":1:{s:10:"%s";i:8877665544332211;}`, mark),
	} {
		v := serialized(t, text)
		for _, as := range []func() error{
			func() error { _, err := As[int8](v); return err },
			func() error { _, err := As[float32](v); return err },
			func() error { _, err := As[bool](v); return err },
			func() error { _, err := As[[]int8](v); return err },
			func() error { _, err := As[[3]byte](v); return err },
			func() error { _, err := As[map[int8]int8](v); return err },
			func() error { _, err := As[map[string]int8](v); return err },
			func() error { _, err := As[map[string]map[string]int](v); return err },
			func() error { _, err := As[time.Time](v); return err },
			func() error { _, err := As[netip.Addr](v); return err },
		} {
			check(as())
		}
	}
	for _, v := range []any{
		Array{mark, 1, mark, 2},
		map[string]any{mark: make(chan int)},
		map[uint64]int{18446744073709551615: 8877665544},
		Array{mark, func() {}},
	} {
		_, err := ValueOf(v)
		check(err)
	}
	if heard < 60 {
		t.Errorf("%d errors", heard)
	}
}
