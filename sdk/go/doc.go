// Package weir is for writing Weir interceptors in Go: sandboxed WebAssembly components that look at events and say what becomes of them.
//
//	type largeOnes struct{ limit int }
//
//	func (l *largeOnes) Intercept(event weir.Event) weir.Verdict {
//		body := event.Body()
//		if body == nil {
//			return weir.Reject("no body")
//		}
//		if len(body) > l.limit {
//			event.SetHeaderText("large", "yes")
//		}
//		return weir.Keep
//	}
//
//	var plugin = weir.Plugin{
//		Name:       "large-ones",
//		Version:    "0.1.0",
//		Parameters: []weir.Parameter{weir.Optional("limit", "bytes above which an event is marked", "1000")},
//		Configure: func(settings *weir.Settings) (weir.Interceptor, error) {
//			limit, err := weir.Get[int](settings, "limit")
//			return &largeOnes{limit}, err
//		},
//	}
//
//	func init() { weir.Register(plugin) }
//
//	func main() {}
//
// `weir plugin build` makes a component of it with the stock Go toolchain. Package weirtest runs it natively, so that `go test` needs no
// WebAssembly.
//
// A batch stays on the host: the bodies come over when the first event's Body is called, a header's column when Header is, and only what
// changes goes back. Slices and strings that an [Event] returns are views of a whole column: they must not be written to, they may be kept,
// and what is kept keeps its column in memory, so clone a small one that is to stay (strings.Clone, bytes.Clone).
// A [Batch] and its events are valid during the call only.
package weir
