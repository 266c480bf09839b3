package main

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"datakit.dev/agent/internal/point"
)

// condition is a compiled --where. Which tags and fields there are is open,
// so a wrong name is not a mistake that can be found before points come.
type condition struct {
	program *vm.Program
	vm      vm.VM
	env     map[string]any

	failures int64 // points on which the expression failed
	first    error
}

func compileCondition(src string) (*condition, error) {
	program, err := expr.Compile(src, expr.Env(map[string]any{}), expr.AllowUndefinedVariables(), expr.AsBool())
	if err != nil {
		return nil, err
	}
	return &condition{program: program, env: map[string]any{}}, nil
}

// matches evaluates the condition on p. A failure, such as the comparison of
// a missing field with a number, is a mismatch, and is counted.
func (c *condition) matches(category point.Category, p *point.Point) bool {
	clear(c.env)
	c.env["measurement"], c.env["category"], c.env["time"] = p.Measurement, category.String(), int(p.Time)
	for _, t := range p.Tags {
		c.env[t.Key] = t.Value
	}
	for _, f := range p.Fields {
		c.env[f.Key] = native(f.Value)
	}
	result, err := c.vm.Run(c.program, c.env)
	if err != nil {
		c.fail(err)
		return false
	}
	match, ok := result.(bool)
	if !ok { // an untyped variable stands alone, and is not a boolean
		c.fail(fmt.Errorf("the result is %v, want true or false", result))
	}
	return match
}

func (c *condition) fail(err error) {
	if c.failures == 0 {
		c.first = err
	}
	c.failures++
}

// native is the Go value of a field. Integers become int, so that they
// compare with the literals of an expression.
func native(v point.Value) any {
	switch v.Kind() {
	case point.KindInt:
		return int(v.AsInt())
	case point.KindUint:
		return v.AsUint()
	case point.KindFloat:
		return v.AsFloat()
	case point.KindBool:
		return v.AsBool()
	default:
		return v.AsString()
	}
}
