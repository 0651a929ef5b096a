// Gets a certificate with cert-manager's own acme-dns solver, ACME client and propagation check, without Kubernetes.
//
//	cert-manager DIRECTORY BASE ACCOUNTS OUTPUT NAME ...
//
// ACCOUNTS is the file that cert-manager reads from its secret, a map of accounts by name; OUTPUT gets the chain as PEM.
// Like cert-manager's scheduler it solves one challenge after the other. The checks use /etc/resolv.conf.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/acmedns"
	"github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	"github.com/cert-manager/cert-manager/third_party/forked/acme"
)

const (
	// cert-manager waits without end for all name servers; a lab that needs longer than this is broken.
	propagationTimeout = time.Minute
	// Then cert-manager waits a minute more, for resolvers that still hold an older answer. The values in the lab
	// have a TTL of one second, so two are the same here.
	cachePause = 2 * time.Second
)

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "usage: cert-manager DIRECTORY BASE ACCOUNTS OUTPUT NAME ...")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := issue(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func issue(ctx context.Context, directory, base, accounts, output string, names []string) error {
	stored, err := os.ReadFile(accounts)
	if err != nil {
		return err
	}
	solver, err := acmedns.NewDNSProviderHostBytes(base, stored, util.RecursiveNameservers)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	client := &acme.Client{Key: key, DirectoryURL: directory}
	if _, err := client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil {
		return fmt.Errorf("register at the CA: %w", err)
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(names...))
	if err != nil {
		return fmt.Errorf("new order: %w", err)
	}
	for _, url := range order.AuthzURLs {
		if err := authorize(ctx, client, solver, url); err != nil {
			return err
		}
	}
	orderURL := order.URI
	if order, err = client.WaitOrder(ctx, orderURL); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	certificateKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: names}, certificateKey)
	if err != nil {
		return err
	}
	// Pebble issues after it has answered, and names the order in no later answer; then this call fails, and as
	// cert-manager's controller does we look at the order itself.
	_, _, finalizeErr := client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	order, err = client.WaitOrder(ctx, orderURL)
	if err != nil || order.CertURL == "" {
		return fmt.Errorf("finalize: %w", errors.Join(finalizeErr, err))
	}
	chain, err := client.FetchCert(ctx, order.CertURL, true)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	var text strings.Builder
	for _, der := range chain {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	return os.WriteFile(output, []byte(text.String()), 0o600)
}

// authorize presents the value, waits as cert-manager does until every name server has it, then asks the CA to look.
func authorize(ctx context.Context, client *acme.Client, solver *acmedns.DNSProvider, url string) error {
	authorization, err := client.GetAuthorization(ctx, url)
	if err != nil {
		return fmt.Errorf("authorization: %w", err)
	}
	if authorization.Status == acme.StatusValid {
		return nil
	}
	name := authorization.Identifier.Value
	for _, challenge := range authorization.Challenges {
		if challenge.Type != "dns-01" {
			continue
		}
		value, err := client.DNS01ChallengeRecord(challenge.Token)
		if err != nil {
			return err
		}
		fqdn := "_acme-challenge." + name + "."
		if err := solver.Present(ctx, name, fqdn, value); err != nil {
			return fmt.Errorf("present %s: %w", name, err)
		}
		served := func() (bool, error) {
			return util.PreCheckDNS(ctx, fqdn, value, util.RecursiveNameservers, true)
		}
		if err := util.WaitFor(propagationTimeout, time.Second, served); err != nil {
			return fmt.Errorf("propagation of %s: %w", fqdn, err)
		}
		time.Sleep(cachePause)
		if _, err := client.Accept(ctx, challenge); err != nil {
			return fmt.Errorf("accept %s: %w", name, err)
		}
		if _, err := client.WaitAuthorization(ctx, url); err != nil {
			return fmt.Errorf("validation of %s: %w", name, err)
		}
		return solver.CleanUp(ctx, name, fqdn, value)
	}
	return fmt.Errorf("the CA offers no dns-01 challenge for %s", name)
}
