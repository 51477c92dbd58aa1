package weir

import (
	"iter"
	"slices"
	"unsafe"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// Batch is events that travel together, in source order. It is valid during the call only.
type Batch struct {
	source     contract.Source
	changes    *changes
	len        int
	timestamps []int64
	keys       *contract.Column
	bodies     *contract.Column
	headers    *headers
	header     named[contract.Column]
	texts      named[contract.Column]
	numbers    named[contract.NumberColumn]
	// Made once a batch: a method value made anew for each event would be garbage.
	pullHeader, pullTexts func(string) contract.Column
	pullNumbers           func(string) contract.NumberColumn
}

// headers is the whole table, and where in it each event's begin.
type headers struct {
	table  contract.HeaderTable
	starts []uint32
}

func newBatch(source contract.Source, changes *changes) *Batch {
	batch := &Batch{source: source, changes: changes, len: source.Len()}
	batch.pullHeader = func(name string) contract.Column { return batch.from().Header(name) }
	batch.pullTexts = func(pointer string) contract.Column { return batch.from().JSONTexts(pointer) }
	batch.pullNumbers = func(pointer string) contract.NumberColumn { return batch.from().JSONNumbers(pointer) }
	return batch
}

// Len is the number of events.
func (b *Batch) Len() int { return b.len }

// Event is the event at this place.
func (b *Batch) Event(index int) Event {
	if uint(index) >= uint(b.len) {
		panic("weir: no such event in the batch")
	}
	return Event{b, index}
}

// Events are the events, in order. May be gone through more than once.
func (b *Batch) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for index := range b.len {
			if !yield(Event{b, index}) {
				return
			}
		}
	}
}

// BodyRanges is the same byte range of every body, cut at its end. Cheaper than whole bodies where they are long.
func (b *Batch) BodyRanges(offset, length uint32) BodyRanges {
	return BodyRanges{b.from().BodyRanges(offset, length)}
}

// BodyRanges is a part of every body; see [Batch.BodyRanges].
type BodyRanges struct{ column contract.Column }

// Of is the part of this event's body; nil where there is no body.
func (r BodyRanges) Of(event Event) []byte { return value(&r.column, event.index) }

// from is where columns are pulled from, as long as the call lasts.
func (b *Batch) from() contract.Source {
	if b.source == nil {
		panic("weir: a batch or an event was used after its call")
	}
	return b.source
}

func (b *Batch) close() { b.source, b.changes = nil, nil }

// value of event index; nil where it is absent, and not nil where it is empty.
func value(column *contract.Column, index int) []byte {
	if len(column.Nulls) > 0 && isNull(column.Nulls, index) {
		return nil
	}
	end := column.Ends[index]
	start := uint32(0)
	if index > 0 {
		start = column.Ends[index-1]
	}
	if start == end {
		return []byte{}
	}
	// What is appended to a value does not get into the next one.
	return column.Bytes[start:end:end]
}

func isNull(nulls []uint32, index int) bool {
	_, found := slices.BinarySearch(nulls, uint32(index))
	return found
}

// text is a view, too: columns are never written to.
func text(value []byte) string { return unsafe.String(unsafe.SliceData(value), len(value)) }

// named is columns by name. They are few, so a list is searched faster than a map.
type named[C any] []namedColumn[C]

type namedColumn[C any] struct {
	name   string
	column *C
}

func (n *named[C]) get(name string, pull func(string) C) *C {
	for at := range *n {
		if (*n)[at].name == name {
			return (*n)[at].column
		}
	}
	column := pull(name)
	*n = append(*n, namedColumn[C]{name, &column})
	return &column
}
