package config

import (
	"fmt"
	"maps"
	"strings"

	"github.com/BurntSushi/toml"
)

// Encode writes cfg as the block [inputs.<input>], so that [Section.Decode]
// makes the same of it, with the tables that have no field beside the keys.
func Encode(input string, cfg any) (string, error) {
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(cfg); err != nil {
		return "", fmt.Errorf("write [inputs.%s]: %w", input, err)
	}
	block := map[string]any{}
	if _, err := toml.Decode(text.String(), &block); err != nil {
		return "", fmt.Errorf("write [inputs.%s]: %w", input, err)
	}
	if tables, ok := block[anyTable].(map[string]any); ok {
		delete(block, anyTable)
		maps.Copy(block, tables)
	}
	text.Reset()
	if err := toml.NewEncoder(&text).Encode(map[string]any{"inputs": map[string]any{input: block}}); err != nil {
		return "", fmt.Errorf("write [inputs.%s]: %w", input, err)
	}
	return text.String(), nil
}
