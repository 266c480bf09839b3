package config

import "strings"

// split cuts the text of a file into its sections. Sections may be
// interleaved: a line that belongs to another section becomes an empty line,
// so that lines keep their numbers. What is well-formed but no section is
// reported and does not stop the rest.
func split(file, text string) (sections []Section, mistakes []*Error) {
	if _, err := parse(file, text, 1); err != nil {
		return nil, []*Error{err}
	}
	all := statements(text)
	lines := strings.SplitAfter(text, "\n")
	current := -1
	latest := map[string]int{} // section of each input that a sub-table extends
	for i, st := range all {
		if st.header {
			current = -1
			switch {
			case st.path[0] != "inputs":
				mistakes = append(mistakes, &Error{File: file, Line: st.line, Key: strings.Join(st.path, "."), Msg: "unknown table; allowed here is [[inputs.<name>]]"})
			case len(st.path) > 1:
				name := st.path[1]
				known, seen := latest[name]
				if current = known; len(st.path) == 2 || !seen {
					sections = append(sections, Section{Input: name, File: file, Line: st.line})
					current = len(sections) - 1
					latest[name] = current
				}
			}
		} else if i == 0 || current < 0 && isInputs(all[:i]) {
			mistakes = append(mistakes, &Error{File: file, Line: st.line, Key: strings.Join(st.path, "."), Msg: "this key is in no input; write it below [[inputs.<name>]]"})
		}
		if current < 0 {
			continue
		}
		end := len(lines)
		if i+1 < len(all) {
			end = all[i+1].line - 1
		}
		s := &sections[current]
		s.Text += strings.Repeat("\n", st.line-s.Line-strings.Count(s.Text, "\n"))
		s.Text += strings.Join(lines[st.line-1:end], "")
	}
	return sections, mistakes
}

// isInputs reports whether a key that follows stands at the top of the file
// or below a bare [inputs], rather than in a foreign table, which has been
// reported already.
func isInputs(before []statement) bool {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].header {
			return before[i].path[0] == "inputs"
		}
	}
	return true
}
