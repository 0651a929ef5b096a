// Registers and updates with nrdcg/goacmedns, the client inside lego since 4.22 and cert-manager since 1.19.
//
//	goacmedns register BASE [CIDR ...]   prints the account as JSON
//	goacmedns update BASE VALUE          reads that JSON from standard input
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/nrdcg/goacmedns"
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
	client, err := goacmedns.NewClient(args[1])
	if err != nil {
		return err
	}
	ctx := context.Background()
	switch {
	case args[0] == "register":
		account, err := client.RegisterAccount(ctx, args[2:])
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(account)
	case args[0] == "update" && len(args) == 3:
		var account goacmedns.Account
		if err := json.NewDecoder(os.Stdin).Decode(&account); err != nil {
			return err
		}
		return client.UpdateTXTRecord(ctx, account, args[2])
	}
	return fmt.Errorf("unknown command %q", args[0])
}
