package sess

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// What follows reads scalars, as they are or, if loose, as PHP converts them where a function declares a parameter
// and strict_types is off.

func (d *decoder) looseString(at int, loose bool) (string, bool) {
	switch letter := d.text[at]; {
	case letter == 's':
		text, _ := quotedAt(d.text, at+2)
		return text, true
	case !loose:
		return "", false
	case letter == 'i', letter == 'd':
		return d.body(at), true
	case letter == 'b' && d.text[at+2] == '1':
		return "1", true
	case letter == 'b':
		return "", true
	}
	return "", false
}

// body is what stands between the colon and the semicolon.
func (d *decoder) body(at int) string { return d.text[at+2 : skipToken(d.text, at)-1] }

func (d *decoder) looseBool(at int, loose bool) (b, ok bool) {
	switch letter := d.text[at]; {
	case letter == 'b':
		return d.text[at+2] == '1', true
	case !loose:
		return false, false
	case letter == 'i':
		return d.text[at+2] != '0', true
	case letter == 'd':
		return parseFloat(d.body(at)) != 0, true
	case letter == 's':
		text, _ := quotedAt(d.text, at+2)
		return text != "" && text != "0", true
	}
	return false, false
}

func (d *decoder) looseInt(at int, loose bool) (int64, bool) {
	switch letter := d.text[at]; {
	case letter == 'i':
		return clampedInt(d.body(at)), true
	case !loose:
		return 0, false
	case letter == 'b':
		return int64(d.text[at+2] - '0'), true
	case letter == 'd':
		return wholeFloat(parseFloat(d.body(at)))
	case letter == 's':
		text, _ := quotedAt(d.text, at+2)
		if n, f, isInt, ok := numeric(text); ok && isInt {
			return n, true
		} else if ok {
			return wholeFloat(f)
		}
	}
	return 0, false
}

// wholeFloat is a float without a fraction as an integer.
func wholeFloat(f float64) (int64, bool) {
	if f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// looseFloat takes integers as well, as PHP does even with strict_types.
func (d *decoder) looseFloat(at int, loose bool) (float64, bool) {
	switch letter := d.text[at]; {
	case letter == 'd':
		return parseFloat(d.body(at)), true
	case letter == 'i':
		return float64(clampedInt(d.body(at))), true
	case !loose:
		return 0, false
	case letter == 'b':
		return float64(d.text[at+2] - '0'), true
	case letter == 's':
		text, _ := quotedAt(d.text, at+2)
		n, f, isInt, ok := numeric(text)
		if isInt {
			f = float64(n)
		}
		return f, ok
	}
	return 0, false
}

// numeric is PHP's numeric string: white space around a decimal number. An integer that does not fit is a float.
func numeric(text string) (n int64, f float64, isInt, ok bool) {
	text = strings.Trim(text, " \t\n\r\v\f")
	s := scan{text: text}
	if s.float() != nil || s.at != len(text) || !isDigit(text[len(text)-1]) && text[len(text)-1] != '.' {
		return 0, 0, false, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, 0, true, true
	}
	return 0, parseFloat(text), false, true
}

// unixTime is the time that microtime(true) gives.
func unixTime(f float64) (time.Time, bool) {
	seconds, fraction := math.Modf(f)
	whole, ok := wholeFloat(seconds)
	return time.Unix(whole, int64(math.Round(fraction*1e6))*1000).UTC(), ok
}

// How PHP's objects of time keep their zone: by its offset, its abbreviation or its name.
const (
	zoneOffset = 1
	zoneShort  = 2
	zoneName   = 3
)

var errNoZone = errors.New("no time zone")

// dateTime is the time in an object of class DateTime or DateTimeImmutable.
func dateTime(v Value) (time.Time, error) {
	var parts struct {
		Date     string `sess:"date"`
		ZoneType int    `sess:"timezone_type"`
		Zone     string `sess:"timezone"`
	}
	if err := v.Unmarshal(&parts); err != nil {
		return time.Time{}, err
	}
	zone, err := time.UTC, error(nil)
	switch {
	case parts.ZoneType == zoneOffset:
		var at time.Time
		at, err = time.Parse("-07:00", parts.Zone)
		zone = at.Location()
	case parts.ZoneType == zoneName:
		zone, err = time.LoadLocation(parts.Zone)
	case parts.ZoneType != zoneShort || parts.Zone != "UTC" && parts.Zone != "GMT" && parts.Zone != "Z":
		err = errNoZone
	}
	var t time.Time
	if err == nil {
		t, err = time.ParseInLocation("2006-01-02 15:04:05.000000", parts.Date, zone)
	}
	if err != nil {
		return t, fmt.Errorf("%w: a %s of no date or time zone that Go knows", ErrType, v.Class())
	}
	return t, nil
}
