package sess

// scalar decodes the commonest values into the commonest types without ado. Whatever is different in any way is left
// alone, for others to look at.
func scalar[S string | []byte](dst any, s S) bool {
	const shortest = len("N;")
	if len(s) <= shortest || s[1] != ':' || s[len(s)-1] != ';' {
		return false
	}
	body := s[2 : len(s)-1]
	switch dst := dst.(type) {
	case *string:
		text, ok := quotedWhole(s[0], body)
		if ok {
			*dst = string(text)
		}
		return ok
	case *[]byte:
		text, ok := quotedWhole(s[0], body)
		if ok {
			*dst = []byte(text)
		}
		return ok
	case *bool:
		if s[0] != 'b' || len(body) != 1 || body[0]>>1 != '0'>>1 {
			return false
		}
		*dst = body[0] == '1'
		return true
	case *int:
		n, ok := shortInt(s[0], body)
		if ok {
			*dst = n
		}
		return ok
	case *int64:
		n, ok := shortInt(s[0], body)
		if ok {
			*dst = int64(n)
		}
		return ok
	}
	return false
}

// quotedWhole is the text of LEN:"…" that is all of body.
func quotedWhole[S string | []byte](letter byte, body S) (S, bool) {
	n, at := 0, 0
	for at < len(body) && at < 9 && isDigit(body[at]) {
		n = n*10 + int(body[at]-'0')
		at++
	}
	if letter != 's' || at == 0 || len(body) != at+n+3 || body[at] != ':' || body[at+1] != '"' || body[len(body)-1] != '"' {
		return body, false
	}
	return body[at+2 : at+2+n], true
}

// shortInt is an integer of few digits.
func shortInt[S string | []byte](letter byte, body S) (n int, ok bool) {
	negative := body[0] == '-'
	if negative {
		body = body[1:]
	}
	if letter != 'i' || len(body) == 0 || len(body) > 9 {
		return 0, false
	}
	for i := range len(body) {
		if !isDigit(body[i]) {
			return 0, false
		}
		n = n*10 + int(body[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}
