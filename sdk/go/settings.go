package weir

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Parameter is a setting that a plugin takes. Make one with [Required], [Optional] or [Absent].
type Parameter struct {
	// Name of the setting.
	Name string
	// Description for people: what it means, its unit and its values.
	Description string
	// Required says whether it must be given.
	Required bool
	// Default is what it is when nobody gives it; nil is nothing.
	Default *string
}

// Required is a parameter that must be given.
func Required(name, description string) Parameter {
	return Parameter{Name: name, Description: description, Required: true}
}

// Optional is a parameter with a default.
func Optional(name, description, value string) Parameter {
	return Parameter{Name: name, Description: description, Default: &value}
}

// Absent is a parameter that may be absent; read it with [Find].
func Absent(name, description string) Parameter {
	return Parameter{Name: name, Description: description}
}

// Settings are what a plugin was given; the host has filled in the defaults.
type Settings struct {
	pairs [][2]string
}

// Text is the text of a setting, as it was given.
func (s *Settings) Text(name string) (text string, ok bool) {
	for at := len(s.pairs) - 1; at >= 0; at-- {
		if s.pairs[at][0] == name {
			return s.pairs[at][1], true
		}
	}
	return "", false
}

// List is a setting that is a list, split at commas; empty items are left out.
func (s *Settings) List(name string) []string {
	text, _ := s.Text(name)
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// Value is what [Get] and [Find] read: a time.Duration is written as `1m30s`, a bool as `true` or `false`.
type Value interface {
	string | bool | int | int32 | int64 | uint | uint32 | uint64 | float64 | time.Duration
}

// Get is a setting of this type. The error is a sentence for Configure to return: it is not there, or not of this type.
func Get[T Value](settings *Settings, name string) (T, error) {
	value, ok, err := Find[T](settings, name)
	if err == nil && !ok {
		err = fmt.Errorf("`%s` is required", name)
	}
	return value, err
}

// Find is as [Get], for a setting that may be absent.
func Find[T Value](settings *Settings, name string) (value T, ok bool, err error) {
	text, ok := settings.Text(name)
	if !ok {
		return value, false, nil
	}
	if err := parse(strings.TrimSpace(text), &value); err != nil {
		var zero T
		return zero, false, fmt.Errorf("`%s` cannot be `%s`: %w", name, text, reason(err))
	}
	return value, true, nil
}

func parse(text string, into any) (err error) {
	switch into := into.(type) {
	case *string:
		*into = text
	case *bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("it is neither `true` nor `false`")
		}
		*into = text == "true"
	case *int:
		*into, err = signed[int](text, strconv.IntSize)
	case *int32:
		*into, err = signed[int32](text, 32)
	case *int64:
		*into, err = signed[int64](text, 64)
	case *uint:
		*into, err = unsigned[uint](text, strconv.IntSize)
	case *uint32:
		*into, err = unsigned[uint32](text, 32)
	case *uint64:
		*into, err = unsigned[uint64](text, 64)
	case *float64:
		*into, err = strconv.ParseFloat(text, 64)
	case *time.Duration:
		*into, err = time.ParseDuration(text)
	}
	return err
}

func signed[T int | int32 | int64](text string, bits int) (T, error) {
	number, err := strconv.ParseInt(text, 10, bits)
	return T(number), err
}

func unsigned[T uint | uint32 | uint64](text string, bits int) (T, error) {
	number, err := strconv.ParseUint(text, 10, bits)
	return T(number), err
}

// reason takes strconv's own wrapping off: the name and the text are told already.
func reason(err error) error {
	if wrapped, ok := err.(*strconv.NumError); ok {
		return wrapped.Err
	}
	return err
}
