// Reads documents and writes whether the types can hold each of them.
package main

import (
	"encoding/json"
	"os"

	"llem"
)

func main() {
	var documents []json.RawMessage
	check(json.NewDecoder(os.Stdin).Decode(&documents))
	held := []bool{}
	for _, document := range documents {
		_, err := llem.UnmarshalExperimentConfig(document)
		held = append(held, err == nil)
	}
	check(json.NewEncoder(os.Stdout).Encode(held))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
