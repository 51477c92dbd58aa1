// {{pascal}} marks events longer than `limit` bytes with the header `large`, and rejects those without a body.
package main

import (
	weir "github.com/weir-project/weir/sdk/go"
)

type largeOnes struct {
	limit int
}

// Intercept is asked about every event.
func (l *largeOnes) Intercept(event weir.Event) weir.Verdict {
	body := event.Body()
	if body == nil {
		return weir.Reject("no body")
	}
	if len(body) > l.limit {
		event.SetHeaderText("large", "yes")
		weir.Count("large", 1)
	}
	return weir.Keep
}

var plugin = weir.Plugin{
	Name:    "{{name}}",
	Version: "0.1.0",
	Parameters: []weir.Parameter{
		weir.Optional("limit", "bytes above which an event is marked", "100"),
	},
	Configure: func(settings *weir.Settings) (weir.Interceptor, error) {
		limit, err := weir.Get[int](settings, "limit")
		if err != nil {
			return nil, err
		}
		return &largeOnes{limit}, nil
	},
}

func init() { weir.Register(plugin) }

// A plugin is a library: nothing calls main.
func main() {}
