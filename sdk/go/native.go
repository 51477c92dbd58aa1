//go:build !wasip1

package weir

import (
	"fmt"
	"os"

	"github.com/weir-project/weir/sdk/go/internal/contract"
)

// Outside a host, package weirtest drives a plugin, through the bridge, and hears what it says.

var listener contract.Listener

func init() {
	contract.Bridge.Listen = func(to contract.Listener) { listener = to }
	contract.Bridge.Parameters = func(plugin any) []contract.Parameter {
		var parameters []contract.Parameter
		for _, parameter := range plugin.(Plugin).Parameters {
			parameters = append(parameters, contract.Parameter{Name: parameter.Name, Required: parameter.Required, Default: parameter.Default})
		}
		return parameters
	}
	contract.Bridge.Configure = func(plugin any, settings [][2]string) (any, error) {
		made := plugin.(Plugin)
		return made.configure(settings)
	}
	contract.Bridge.Judge = func(of any, source contract.Source) (*contract.Edits, error) { return of.(*instance).judge(source) }
}

func write(level Level, line string) {
	if listener != nil {
		listener.Logged(level.String(), line)
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", level, line)
}

func add(name string, by uint64) {
	if listener != nil {
		listener.Counted(name, by)
	}
}
