package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// setText sets a value from the text of a variable or a flag.
func setText(into reflect.Value, text string) error {
	if u, ok := textual(into); ok {
		return u.UnmarshalText([]byte(text))
	}
	if into.Type() == durationType {
		d, err := parseDuration(text)
		into.SetInt(int64(d))
		return err
	}
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		b, err := parseBool(text)
		into.SetBool(b)
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a whole number%s", text, bounds(into))
		}
		into.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a whole number%s", text, bounds(into))
		}
		into.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(text, into.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		into.SetFloat(n)
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		into.Set(fresh)
		return setText(fresh.Elem(), text)
	case reflect.Interface:
		into.Set(reflect.ValueOf(text))
	case reflect.Slice:
		return setList(into, text)
	case reflect.Map:
		return setMap(into, text)
	default:
		panic(fmt.Sprintf("config: the type %s has no form in the environment", into.Type()))
	}
	return nil
}

// parseBool reads the words people write for yes and no.
func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "t", "true", "y", "yes", "on":
		return true, nil
	case "0", "f", "false", "n", "no", "off", "":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no; allowed are true, false, yes, no, on, off, 1, 0", text)
}

// setList splits at commas; parts are trimmed and empty ones left out.
func setList(into reflect.Value, text string) error {
	list := reflect.MakeSlice(into.Type(), 0, 4)
	for part := range strings.SplitSeq(text, ",") {
		if part = unquote(strings.TrimSpace(part)); part == "" {
			continue
		}
		element := reflect.New(into.Type().Elem()).Elem()
		if err := setText(element, part); err != nil {
			return err
		}
		list = reflect.Append(list, element)
	}
	into.Set(list)
	return nil
}

// setMap reads "k=v,k2=v2".
func setMap(into reflect.Value, text string) error {
	m := reflect.MakeMap(into.Type())
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		if key = strings.TrimSpace(key); !ok || key == "" {
			return fmt.Errorf("%q is not name=value; write name=value,name2=value2", part)
		}
		element := reflect.New(into.Type().Elem()).Elem()
		if err := setText(element, unquote(strings.TrimSpace(value))); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), element)
	}
	into.Set(m)
	return nil
}

// unquote strips one pair of quotes around the whole value, which
// documentation and YAML like to leave there.
func unquote(text string) string {
	if n := len(text); n >= 2 && text[0] == text[n-1] && (text[0] == '"' || text[0] == '\'') {
		if inner := text[1 : n-1]; !strings.Contains(inner, text[:1]) {
			return inner
		}
	}
	return text
}
