// Package contract has the types of wit/interceptor.wit, by hand: on wasm32, Span, Edit and HeaderEdit lie in memory as the canonical ABI
// wants them. A test fails when the WIT changes and this package does not follow.
package contract

// Digest is that of the WIT, comments and spaces left out, that the bindings were written for.
const Digest = "2b11ba3174b380ff"

// Column holds values back to back: value i is Bytes[Ends[i-1]:Ends[i]]. Nulls names, ascending, the events whose value is absent.
type Column struct {
	Bytes []byte
	Ends  []uint32
	Nulls []uint32
}

// NumberColumn has a number an event, and names those that have none.
type NumberColumn struct {
	Values []float64
	Nulls  []uint32
}

// HeaderTable gives event i the next Counts[i] entries of Names and Values.
type HeaderTable struct {
	Counts        []uint32
	Names, Values Column
}

// Span is a piece of Edits.Bytes.
type Span struct{ Offset, Len uint32 }

// Edit is about an event, and what Span says.
type Edit struct {
	Event uint32
	At    Span
}

// HeaderEdit sets a header.
type HeaderEdit struct {
	Event       uint32
	Name, Value Span
}

// Header is one of a derived event.
type Header struct{ Name, Value Span }

// Derived is a new event right after Event.
type Derived struct {
	Event   uint32
	Body    Span
	Headers []Header
}

// Edits is what an interceptor changes of a batch. Every list ascends by event.
type Edits struct {
	Discards      []uint32
	Rejects       []Edit
	SetHeaders    []HeaderEdit
	RemoveHeaders []Edit
	SetKeys       []Edit
	ClearKeys     []uint32
	SetBodies     []Edit
	ClearBodies   []uint32
	Derived       []Derived
	Bytes         []byte
}

// Source is where columns come from: the host, or a test.
type Source interface {
	Len() int
	Timestamps() []int64
	Keys() Column
	Bodies() Column
	BodyRanges(offset, length uint32) Column
	Header(name string) Column
	Headers() HeaderTable
	JSONTexts(pointer string) Column
	JSONNumbers(pointer string) NumberColumn
}

// Listener hears what a plugin says and counts when there is no host.
type Listener interface {
	Logged(level, text string)
	Counted(name string, by uint64)
}

// Bridge is what package weir gives to package weirtest; the plugin and the instance are types of weir. It is nil within WebAssembly.
var Bridge struct {
	// Configure makes an instance of a plugin.
	Configure func(plugin any, settings [][2]string) (instance any, err error)
	// Parameters are those of a plugin: name, default (nil: none), required.
	Parameters func(plugin any) []Parameter
	// Judge runs an instance on a batch; no edits is nil.
	Judge func(instance any, source Source) (*Edits, error)
	// Listen says who hears; nil is standard error.
	Listen func(Listener)
}

// Parameter is what a plugin takes, as the test double needs to know it.
type Parameter struct {
	Name     string
	Required bool
	Default  *string
}
