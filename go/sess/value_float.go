package sess

import (
	"math"
	"strconv"
	"strings"
)

// appendFloat writes the shortest digits that read back as the same float, in PHP's layout.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NAN"...)
	case math.IsInf(f, 1):
		return append(dst, "INF"...)
	case math.IsInf(f, -1):
		return append(dst, "-INF"...)
	case f == 0 && math.Signbit(f):
		return append(dst, "-0"...)
	}
	// The exponent form has the digits: -d.dddde±dd.
	var buffer [32]byte
	text := strconv.AppendFloat(buffer[:0], f, 'e', -1, 64)
	if text[0] == '-' {
		dst = append(dst, '-')
		text = text[1:]
	}
	e := len(text) - 1
	for text[e] != 'e' {
		e--
	}
	exponent, _ := strconv.Atoi(string(text[e+1:]))
	digits := text[:1]
	if e > 1 {
		text[1] = text[0]
		digits = text[1:e]
	}
	return layOut(dst, digits, exponent+1)
}

// layOut writes digits with the point behind so many of them; point may be outside of them on either side.
func layOut(dst, digits []byte, point int) []byte {
	switch {
	case point < -3 || point > 17:
		dst = append(dst, digits[0], '.')
		if len(digits) > 1 {
			dst = append(dst, digits[1:]...)
		} else {
			dst = append(dst, '0')
		}
		dst = append(dst, 'E')
		if point > 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(point-1), 10)
	case point <= 0:
		dst = append(dst, "0."...)
		dst = append(dst, "000"[:-point]...)
		return append(dst, digits...)
	case len(digits) <= point:
		dst = append(dst, digits...)
		for range point - len(digits) {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// parseFloat reads what the scanner has let pass.
func parseFloat(text string) float64 {
	switch text {
	case "INF":
		return math.Inf(1)
	case "-INF":
		return math.Inf(-1)
	case "NAN":
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range: ±Inf, as PHP has it
	return f
}

// isCanonicalFloat tells whether PHP would write a number in this way.
func isCanonicalFloat(text string) bool {
	if isShortFloat(text) {
		return true
	}
	var buffer [40]byte
	return string(appendFloat(buffer[:0], parseFloat(text))) == text
}

// isShortFloat: up to 15 digits are the shortest for their value, so plain ones need no arithmetic.
func isShortFloat(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(text, ".")
	if whole == "" || whole[0] == '0' && len(whole) > 1 || len(whole)+len(fraction) > 15 {
		return false
	}
	for _, part := range [...]string{whole, fraction} {
		for i := range len(part) {
			if !isDigit(part[i]) {
				return false
			}
		}
	}
	if !point {
		return true
	}
	// Beyond three zeros the exponent form begins; zeros alone are no fraction that PHP writes.
	return fraction != "" && fraction[len(fraction)-1] != '0' && (whole != "0" || !strings.HasPrefix(fraction, "0000"))
}
