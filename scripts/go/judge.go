// Reads {"schema": …, "documents": […]} and writes whether each document is valid.
package main

import (
	"encoding/json"
	"os"

	"github.com/xeipuuv/gojsonschema"
)

func main() {
	var asked struct {
		Schema    json.RawMessage
		Documents []json.RawMessage
	}
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	schema, err := gojsonschema.NewSchema(gojsonschema.NewBytesLoader(asked.Schema))
	check(err)
	verdicts := []bool{}
	for _, document := range asked.Documents {
		result, err := schema.Validate(gojsonschema.NewBytesLoader(document))
		check(err)
		verdicts = append(verdicts, result.Valid())
	}
	check(json.NewEncoder(os.Stdout).Encode(verdicts))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
