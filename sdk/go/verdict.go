package weir

import "strings"

// Verdict is what becomes of an event. Changes are made through the [Event]'s methods. The zero Verdict is [Keep].
type Verdict struct {
	fate   fate
	reason string
}

type fate uint8

const (
	kept fate = iota
	discarded
	rejected
)

var (
	// Keep lets the event go on, with the changes made to it.
	Keep = Verdict{}
	// Discard drops the event, on purpose; it counts as delivered. Events derived from it go on.
	Discard = Verdict{fate: discarded}
)

// Reject sends the event to the dead letters as it came, with a reason that a person will read.
func Reject(reason string) Verdict {
	return Verdict{fate: rejected, reason: reason}
}

// utf8Text is text as the contract wants it: what is no UTF-8 becomes U+FFFD.
func utf8Text(text string) string {
	return strings.ToValidUTF8(text, "\uFFFD")
}
