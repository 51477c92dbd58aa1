package main

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// deepest is how far values may be nested.
const deepest = 128

// reader reads JSON (RFC 8259) from a body, strictly.
type reader struct {
	body []byte
	at   int
}

func (r *reader) wrong(what string) error {
	before := r.body[:min(r.at, len(r.body))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Errorf("%s at line %d column %d", what, line, column)
}

// peek is the next byte; 0, which no JSON has outside strings, at the end.
func (r *reader) peek() byte {
	if r.at < len(r.body) {
		return r.body[r.at]
	}
	return 0
}

func (r *reader) take(char byte) bool {
	if r.peek() != char {
		return false
	}
	r.at++
	return true
}

func (r *reader) space() {
	for r.at < len(r.body) {
		switch r.body[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// text is a string's content: a view of the body where it has no escapes.
func (r *reader) text() ([]byte, error) {
	if !r.take('"') {
		return nil, r.wrong("expected a string")
	}
	start := r.at
	ascii := byte(0)
	for r.at < len(r.body) {
		char := r.body[r.at]
		switch {
		case char == '"':
			text := r.body[start:r.at]
			r.at++
			if ascii >= utf8.RuneSelf && !utf8.Valid(text) {
				return nil, r.wrong("invalid unicode code point")
			}
			return text, nil
		case char == '\\':
			return r.escaped(start)
		case char < ' ':
			return nil, r.wrong("control character in a string")
		}
		ascii |= char
		r.at++
	}
	return nil, r.wrong("EOF while parsing a string")
}

// escaped is a string with escapes in it, unescaped.
func (r *reader) escaped(start int) ([]byte, error) {
	text := bytes.Clone(r.body[start:r.at])
	for r.at < len(r.body) {
		char := r.body[r.at]
		r.at++
		switch {
		case char == '"':
			if !utf8.Valid(text) {
				return nil, r.wrong("invalid unicode code point")
			}
			return text, nil
		case char < ' ':
			return nil, r.wrong("control character in a string")
		case char != '\\':
			text = append(text, char)
			continue
		}
		switch escape := r.peek(); escape {
		case '"', '\\', '/':
			text = append(text, escape)
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			point, ok := r.point()
			if !ok {
				return nil, r.wrong("invalid escape")
			}
			text = utf8.AppendRune(text, point)
			continue
		default:
			return nil, r.wrong("invalid escape")
		}
		r.at++
	}
	return nil, r.wrong("EOF while parsing a string")
}

// point is what follows at `uXXXX`, with its second half where it has one.
func (r *reader) point() (rune, bool) {
	half := func() (rune, bool) {
		if r.at+5 > len(r.body) || r.body[r.at] != 'u' || r.body[r.at+1] == '+' || r.body[r.at+1] == '-' {
			return 0, false
		}
		number, err := strconv.ParseUint(string(r.body[r.at+1:r.at+5]), 16, 16)
		r.at += 5
		return rune(number), err == nil
	}
	first, ok := half()
	if !ok || !utf16.IsSurrogate(first) {
		return first, ok
	}
	if !r.take('\\') {
		return 0, false
	}
	second, ok := half()
	both := utf16.DecodeRune(first, second)
	return both, ok && both != utf8.RuneError
}

// number is a number as it is written, and whether it is an integer.
func (r *reader) number() (text []byte, whole, ok bool) {
	start := r.at
	r.take('-')
	if !r.take('0') && !r.digits() {
		return nil, false, false
	}
	whole = true
	if r.take('.') {
		whole = false
		if !r.digits() {
			return nil, false, false
		}
	}
	if r.take('e') || r.take('E') {
		whole = false
		_ = r.take('+') || r.take('-')
		if !r.digits() {
			return nil, false, false
		}
	}
	return r.body[start:r.at], whole, true
}

func (r *reader) digits() bool {
	start := r.at
	for r.at < len(r.body) && '0' <= r.body[r.at] && r.body[r.at] <= '9' {
		r.at++
	}
	return r.at > start
}

func (r *reader) float() (float64, error) {
	text, _, ok := r.number()
	if !ok {
		return 0, r.wrong("expected a number")
	}
	number, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if err != nil || math.IsInf(number, 0) {
		return 0, r.wrong("number out of range")
	}
	return number, nil
}

func (r *reader) integer(expected string) error {
	text, whole, ok := r.number()
	if !ok || !whole {
		return r.wrong("expected " + expected)
	}
	if len(text) < 19 {
		return nil
	}
	if _, err := strconv.ParseInt(string(text), 10, 64); err != nil {
		return r.wrong("number out of range")
	}
	return nil
}

// skip reads a value of any kind.
func (r *reader) skip(depth int) (err error) {
	if depth == deepest {
		return r.wrong("recursion limit exceeded")
	}
	switch r.peek() {
	case '"':
		_, err = r.text()
		return err
	case '{':
		return r.members('}', depth)
	case '[':
		return r.members(']', depth)
	}
	for _, literal := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(r.body[r.at:], []byte(literal)) {
			r.at += len(literal)
			return nil
		}
	}
	if _, _, ok := r.number(); !ok {
		return r.wrong("expected value")
	}
	return nil
}

// members reads what is in an object or an array, to its end.
func (r *reader) members(end byte, depth int) error {
	r.at++
	r.space()
	if r.take(end) {
		return nil
	}
	for {
		r.space()
		if end == '}' {
			if _, err := r.text(); err != nil {
				return err
			}
			r.space()
			if !r.take(':') {
				return r.wrong("expected `:`")
			}
			r.space()
		}
		if err := r.skip(depth + 1); err != nil {
			return err
		}
		r.space()
		if r.take(',') {
			continue
		}
		if !r.take(end) {
			return r.wrong(fmt.Sprintf("expected `,` or `%c`", end))
		}
		return nil
	}
}
