package cpu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// sensors are the temperature inputs of the CPU cores, found once: those of
// the driver coretemp below /sys/class/hwmon, see
// Documentation/hwmon/sysfs-interface.rst.
type sensors struct {
	searched bool
	files    []string
}

// mean returns the mean temperature in °C of the sensors that answer. When
// none does any more they are not asked again.
func (s *sensors) mean(fs hostfs.Root) (celsius float64, ok bool) {
	if !s.searched {
		s.searched, s.files = true, findSensors(fs)
	}
	var sum float64
	var n int
	for _, file := range s.files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if c, ok := parseTemperature(string(data)); ok {
			sum += c
			n++
		}
	}
	if n == 0 {
		s.files = nil
		return 0, false
	}
	return sum / float64(n), true
}

// findSensors prefers the cores to the sensor of the whole package.
func findSensors(fs hostfs.Root) (files []string) {
	names, _ := filepath.Glob(fs.Sys("class", "hwmon", "hwmon*", "name"))
	var others []string
	for _, name := range names {
		if driver, err := os.ReadFile(name); err != nil || strings.TrimSpace(string(driver)) != "coretemp" {
			continue
		}
		inputs, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "temp*_input"))
		for _, input := range inputs {
			label, _ := os.ReadFile(strings.TrimSuffix(input, "_input") + "_label")
			if strings.HasPrefix(string(label), "Core ") {
				files = append(files, input)
			} else {
				others = append(others, input)
			}
		}
	}
	if len(files) == 0 {
		return others
	}
	return files
}

// parseTemperature reads millidegrees.
func parseTemperature(text string) (celsius float64, ok bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	return float64(n) / 1000, err == nil
}
