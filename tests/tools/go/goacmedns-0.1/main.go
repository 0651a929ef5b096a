// Registers and updates with cpu/goacmedns, the client inside lego up to 4.21 and cert-manager up to 1.18.
//
//	goacmedns register BASE [CIDR ...]   prints the account as JSON
//	goacmedns update BASE VALUE          reads that JSON from standard input
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cpu/goacmedns"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: goacmedns register BASE [CIDR ...] | goacmedns update BASE VALUE")
	}
	client := goacmedns.NewClient(args[1])
	switch {
	case args[0] == "register":
		account, err := client.RegisterAccount(args[2:])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(account)
	case args[0] == "update" && len(args) == 3:
		var account goacmedns.Account
		if err := json.NewDecoder(os.Stdin).Decode(&account); err != nil {
			return err
		}
		return client.UpdateTXTRecord(account, args[2])
	}
	return fmt.Errorf("unknown command %q", args[0])
}
