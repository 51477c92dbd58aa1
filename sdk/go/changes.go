package weir

import (
	"slices"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// changes are edits under way: lists that are kept from batch to batch, so that judging an event allocates nothing.
type changes struct {
	edits contract.Edits
	// names are header names already among the bytes.
	names []contract.Span
}

func (c *changes) clear() {
	e := &c.edits
	*e = contract.Edits{
		Discards: e.Discards[:0], Rejects: e.Rejects[:0], SetHeaders: e.SetHeaders[:0], RemoveHeaders: e.RemoveHeaders[:0],
		SetKeys: e.SetKeys[:0], ClearKeys: e.ClearKeys[:0], SetBodies: e.SetBodies[:0], ClearBodies: e.ClearBodies[:0],
		Derived: e.Derived[:0], Bytes: e.Bytes[:0],
	}
	c.names = c.names[:0]
}

func (c *changes) decide(event uint32, verdict Verdict) {
	switch verdict.fate {
	case discarded:
		c.edits.Discards = append(c.edits.Discards, event)
	case rejected:
		// It is parked as it came: what was derived from it goes with it.
		c.edits.Derived = slices.DeleteFunc(c.edits.Derived, func(derived contract.Derived) bool { return derived.Event == event })
		c.edits.Rejects = append(c.edits.Rejects, contract.Edit{Event: event, At: c.write(utf8Text(verdict.reason))})
	}
}

func (c *changes) setHeader(event uint32, name, value string) {
	c.edits.SetHeaders = append(c.edits.SetHeaders, contract.HeaderEdit{Event: event, Name: c.name(name), Value: c.write(value)})
}

func (c *changes) removeHeader(event uint32, name string) {
	c.edits.RemoveHeaders = append(c.edits.RemoveHeaders, contract.Edit{Event: event, At: c.name(name)})
}

func (c *changes) setKey(event uint32, key []byte) {
	c.set(&c.edits.SetKeys, &c.edits.ClearKeys, event, key)
}

func (c *changes) clearKey(event uint32) {
	clearValue(&c.edits.SetKeys, &c.edits.ClearKeys, event)
}

func (c *changes) setBody(event uint32, body []byte) {
	c.set(&c.edits.SetBodies, &c.edits.ClearBodies, event, body)
}

func (c *changes) clearBody(event uint32) {
	clearValue(&c.edits.SetBodies, &c.edits.ClearBodies, event)
}

// Of several keys or bodies for one event the last counts.

func (c *changes) set(sets *[]contract.Edit, clears *[]uint32, event uint32, value []byte) {
	*sets, *clears = withoutLast(*sets, *clears, event)
	*sets = append(*sets, contract.Edit{Event: event, At: c.write(text(value))})
}

func clearValue(sets *[]contract.Edit, clears *[]uint32, event uint32) {
	*sets, *clears = withoutLast(*sets, *clears, event)
	*clears = append(*clears, event)
}

func (c *changes) derive(event uint32, body []byte, headers []Header) {
	derived := contract.Derived{Event: event, Body: c.write(text(body))}
	for _, header := range headers {
		derived.Headers = append(derived.Headers, contract.Header{Name: c.name(header.Name), Value: c.write(text(header.Value))})
	}
	c.edits.Derived = append(c.edits.Derived, derived)
}

// finish is the edits as the contract wants them: by ascending event, also where a batch was gone through twice. Nil where there are none.
func (c *changes) finish() *contract.Edits {
	e := &c.edits
	arrange(e.Discards, self)
	arrange(e.Rejects, ofEdit)
	arrange(e.SetHeaders, func(edit contract.HeaderEdit) uint32 { return edit.Event })
	arrange(e.RemoveHeaders, ofEdit)
	arrange(e.SetKeys, ofEdit)
	arrange(e.ClearKeys, self)
	arrange(e.SetBodies, ofEdit)
	arrange(e.ClearBodies, self)
	arrange(e.Derived, func(derived contract.Derived) uint32 { return derived.Event })
	some := len(e.Discards) + len(e.Rejects) + len(e.SetHeaders) + len(e.RemoveHeaders) + len(e.SetKeys) + len(e.ClearKeys) +
		len(e.SetBodies) + len(e.ClearBodies) + len(e.Derived)
	if some == 0 {
		return nil
	}
	return e
}

func (c *changes) write(value string) contract.Span {
	start := len(c.edits.Bytes)
	c.edits.Bytes = append(c.edits.Bytes, value...)
	return contract.Span{Offset: uint32(start), Len: uint32(len(value))}
}

// name is written once a batch.
func (c *changes) name(name string) contract.Span {
	for _, span := range c.names {
		if string(c.edits.Bytes[span.Offset:][:span.Len]) == name {
			return span
		}
	}
	span := c.write(name)
	c.names = append(c.names, span)
	return span
}

func self(event uint32) uint32         { return event }
func ofEdit(edit contract.Edit) uint32 { return edit.Event }

func withoutLast(set []contract.Edit, clear []uint32, event uint32) ([]contract.Edit, []uint32) {
	if last := len(set) - 1; last >= 0 && set[last].Event == event {
		set = set[:last]
	}
	if last := len(clear) - 1; last >= 0 && clear[last] == event {
		clear = clear[:last]
	}
	return set, clear
}

// arrange sorts where that is needed.
func arrange[T any](list []T, event func(T) uint32) {
	byEvent := func(one, other T) int { return int(int64(event(one)) - int64(event(other))) }
	if !slices.IsSortedFunc(list, byEvent) {
		slices.SortStableFunc(list, byEvent)
	}
}
