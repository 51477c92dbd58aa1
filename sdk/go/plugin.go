package weir

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// Interceptor is an instance of a plugin: made once by [Plugin.Configure], asked about every event after that.
//
// Several instances run in parallel, each in a memory of its own, and batches go to whichever is free. What one instance learns is a cache:
// it is lost when the host renews the instance, after a trap at the latest.
type Interceptor interface {
	// Intercept judges one event: looks at it, changes it through its methods, and says whether it goes on. A panic fails the batch with
	// its message and its stack; the host then finds the event that it is about.
	Intercept(event Event) Verdict
}

// BatchInterceptor is an [Interceptor] that looks at the events of a batch together. It then says what becomes of each with [Event.Decide],
// once at most (an event about which nothing is said goes on).
type BatchInterceptor interface {
	Interceptor
	// InterceptBatch judges a whole batch. An error fails it: the host then asks again about ever smaller parts, until it knows over which
	// events. So an error here is for what an event did, and [Reject] is the better way to say so.
	InterceptBatch(batch *Batch) error
}

// Plugin is what the host is told of a plugin, and how an instance of it is made.
type Plugin struct {
	// Name, in kebab-case.
	Name string
	// Version, such as `1.0.0`.
	Version string
	// Parameters are the settings it takes. The host refuses others, asks for the required ones and fills in the defaults.
	Parameters []Parameter
	// Configure makes an instance. An error is a sentence for whoever wrote the settings; the pipeline does not start.
	Configure func(settings *Settings) (Interceptor, error)
}

var registered *Plugin

// Register makes this the plugin of the program. To be called from an init function, once.
func Register(plugin Plugin) {
	if registered != nil {
		panic("weir: a plugin is registered already")
	}
	if plugin.Configure == nil {
		panic("weir: a plugin without Configure")
	}
	registered = &plugin
}

// instance is a configured plugin and its edits under way.
type instance struct {
	interceptor Interceptor
	changes     changes
}

func (p *Plugin) configure(pairs [][2]string) (made *instance, err error) {
	defer recovered(&err)
	interceptor, err := p.Configure(&Settings{pairs})
	if err != nil {
		return nil, err
	}
	if interceptor == nil {
		return nil, errors.New("its Configure made no interceptor")
	}
	return &instance{interceptor: interceptor}, nil
}

// judge runs a batch; the edits are nil where there are none, and valid until the next batch.
func (i *instance) judge(source contract.Source) (edits *contract.Edits, err error) {
	i.changes.clear()
	batch := newBatch(source, &i.changes)
	defer batch.close()
	defer recovered(&err)
	if whole, ok := i.interceptor.(BatchInterceptor); ok {
		if err := whole.InterceptBatch(batch); err != nil {
			return nil, err
		}
		return i.changes.finish(), nil
	}
	for event := range batch.Events() {
		event.Decide(i.interceptor.Intercept(event))
	}
	return i.changes.finish(), nil
}

func recovered(err *error) {
	if panicked := recover(); panicked != nil {
		*err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
	}
}
