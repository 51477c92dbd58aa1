package weirtest

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	weir "github.com/weir-project/weir/sdk/go"
	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// apply does to events what the host does, and refuses what the host refuses.
func apply(edits *contract.Edits, judged []Judged) error {
	value := func(span contract.Span) []byte { return append([]byte{}, edits.Bytes[span.Offset:][:span.Len]...) }
	for _, edit := range edits.Rejects {
		if judged[edit.Event].Fate != Kept {
			return errors.New("an event is rejected twice")
		}
		judged[edit.Event].Fate, judged[edit.Event].Reason = Rejected, string(value(edit.At))
	}
	for _, event := range edits.Discards {
		if judged[event].Fate != Kept {
			return errors.New("an event is decided twice")
		}
		judged[event].Fate = Discarded
	}
	for _, edit := range edits.RemoveHeaders {
		without(&judged[edit.Event].Event, string(value(edit.At)))
	}
	for _, edit := range edits.SetHeaders {
		if err := set(&judged[edit.Event].Event, string(value(edit.Name)), value(edit.Value)); err != nil {
			return err
		}
	}
	for _, edit := range edits.SetKeys {
		judged[edit.Event].Event.Key = value(edit.At)
	}
	for _, event := range edits.ClearKeys {
		judged[event].Event.Key = nil
	}
	for _, edit := range edits.SetBodies {
		judged[edit.Event].Event.Body = value(edit.At)
	}
	for _, event := range edits.ClearBodies {
		judged[event].Event.Body = nil
	}
	for _, from := range edits.Derived {
		derived := Given{Body: value(from.Body)}
		for _, header := range from.Headers {
			if err := set(&derived, string(value(header.Name)), value(header.Value)); err != nil {
				return err
			}
		}
		judged[from.Event].Derived = append(judged[from.Event].Derived, derived)
	}
	return nil
}

func without(event *Given, name string) {
	event.Headers = slices.DeleteFunc(event.Headers, func(header weir.Header) bool { return header.Name == name })
}

func set(event *Given, name string, value []byte) error {
	if name == "" || !utf8.ValidString(name) || strings.Contains(name, "\x00") {
		return errors.New("a header name is empty, no UTF-8, or has a NUL in it")
	}
	without(event, name)
	event.Headers = append(event.Headers, weir.Header{Name: name, Value: value})
	return nil
}
