package weir

import (
	"iter"
	"unicode/utf8"
)

// Event is one event. What is asked for the first time is pulled for the whole batch; what is changed is told to the host once, at the end.
//
// Changes do not show in what the methods return: an interceptor sees the event as it came.
type Event struct {
	batch *Batch
	index int
}

// Index is its place in the batch.
func (e Event) Index() int { return e.index }

// Body is its body; nil is Kafka's null value, a tombstone, while an empty body is not nil.
func (e Event) Body() []byte {
	if e.batch.bodies == nil {
		column := e.batch.from().Bodies()
		e.batch.bodies = &column
	}
	return value(e.batch.bodies, e.index)
}

// Key is its key; nil where it has none.
func (e Event) Key() []byte {
	if e.batch.keys == nil {
		column := e.batch.from().Keys()
		e.batch.keys = &column
	}
	return value(e.batch.keys, e.index)
}

// Timestamp is in milliseconds since the epoch; not ok where the source knows none.
func (e Event) Timestamp() (milliseconds int64, ok bool) {
	if e.batch.timestamps == nil {
		e.batch.timestamps = e.batch.from().Timestamps()
	}
	at := e.batch.timestamps[e.index]
	return at, at >= 0
}

// Header is the last header of this name; nil where there is none.
func (e Event) Header(name string) []byte {
	return value(e.batch.header.get(name, e.batch.pullHeader), e.index)
}

// HeaderText is as [Event.Header]; not ok also where it is not UTF-8.
func (e Event) HeaderText(name string) (string, bool) {
	value := e.Header(name)
	if value == nil || !utf8.Valid(value) {
		return "", false
	}
	return text(value), true
}

// Headers are all headers, in order; names need not be UTF-8, and one may come more than once.
func (e Event) Headers() iter.Seq2[string, []byte] {
	if e.batch.headers == nil {
		table := e.batch.from().Headers()
		starts := make([]uint32, len(table.Counts))
		next := uint32(0)
		for index, count := range table.Counts {
			starts[index] = next
			next += count
		}
		e.batch.headers = &headers{table, starts}
	}
	all := e.batch.headers
	return func(yield func(string, []byte) bool) {
		start := int(all.starts[e.index])
		for entry := start; entry < start+int(all.table.Counts[e.index]); entry++ {
			if !yield(text(value(&all.table.Names, entry)), value(&all.table.Values, entry)) {
				return
			}
		}
	}
}

// JSONText is a field of its JSON body, by RFC 6901 pointer such as `/card/number`: a string's content, anything else as it is written.
// Not ok where it is absent or `null`, or the body is no JSON. The host parses, each body once. A pointer that is none fails the batch.
func (e Event) JSONText(pointer string) (string, bool) {
	value := value(e.batch.texts.get(pointer, e.batch.pullTexts), e.index)
	return text(value), value != nil
}

// JSONNumber is a number in its JSON body; not ok also where the field is something else.
func (e Event) JSONNumber(pointer string) (float64, bool) {
	column := e.batch.numbers.get(pointer, e.batch.pullNumbers)
	if len(column.Nulls) > 0 && isNull(column.Nulls, e.index) {
		return 0, false
	}
	return column.Values[e.index], true
}

// SetHeader sets a header, replacing every one of that name. The name must not be empty. `topic` routes the event, as in Flume.
func (e Event) SetHeader(name string, value []byte) { e.changes().setHeader(e.at(), name, text(value)) }

// SetHeaderText is as [Event.SetHeader].
func (e Event) SetHeaderText(name, value string) { e.changes().setHeader(e.at(), name, value) }

// RemoveHeader removes every header of that name. Removals come before settings.
func (e Event) RemoveHeader(name string) { e.changes().removeHeader(e.at(), name) }

// SetKey replaces its key; nil is an empty key here.
func (e Event) SetKey(key []byte) { e.changes().setKey(e.at(), key) }

// ClearKey takes its key away.
func (e Event) ClearKey() { e.changes().clearKey(e.at()) }

// SetBody replaces its body; nil is an empty body here.
func (e Event) SetBody(body []byte) { e.changes().setBody(e.at(), body) }

// ClearBody takes its body away: a tombstone in Kafka.
func (e Event) ClearBody() { e.changes().clearBody(e.at()) }

// Header is a name and a value.
type Header struct {
	Name  string
	Value []byte
}

// Derive makes a new event right after this one, with its headers, key, timestamp and origin, this body, and these headers on top.
func (e Event) Derive(body []byte, headers ...Header) { e.changes().derive(e.at(), body, headers) }

// Decide says what becomes of it; for [BatchInterceptor]. Once at most for an event.
func (e Event) Decide(verdict Verdict) { e.changes().decide(e.at(), verdict) }

func (e Event) at() uint32 { return uint32(e.index) }

func (e Event) changes() *changes {
	e.batch.from()
	return e.batch.changes
}
