package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// accountCommand makes and lists accounts.
type accountCommand struct {
	Create createAccountCommand `cmd:"" help:"Make an account, and write its root's key to a profile of the credentials file."`
	List   listAccountsCommand  `cmd:"" help:"List the accounts."`
}

type createAccountCommand struct {
	Name    string `arg:"" help:"Name of the account."`
	ID      string `help:"Its twelve digits; by default they are chosen." name:"id"`
	Profile string `help:"Profile of the credentials file to write its root's key to; by default the account's name."`
	As      string `help:"Profile of the first account." default:"default"`
}

var profileForm = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,64}$`)

// Run asks the server, as any customer would; the secret goes to the file and nowhere else.
func (a *createAccountCommand) Run(c *commands) error {
	f := place{c.Data}
	profile := a.Profile
	if profile == "" {
		profile = a.Name
	}
	if !profileForm.MatchString(profile) {
		return fmt.Errorf("%q cannot be a profile's name: say another with --profile", profile)
	}
	api, err := f.client(a.As)
	if err != nil {
		return err
	}
	if has, err := hasProfile(f.credentials(), profile); err != nil || has {
		return either(err, fmt.Errorf("%s has a profile %s already: say another with --profile", f.credentials(), profile))
	}
	in := map[string]string{"Name": a.Name}
	if a.ID != "" {
		in["AccountId"] = a.ID
	}
	var out struct {
		Account                      struct{ AccountID string }
		AccessKeyID, SecretAccessKey string
	}
	if err := api.json(context.Background(), "CreateAccount", in, &out); err != nil {
		return err
	}
	if err := addProfile(f.credentials(), profile, out.AccessKeyID, out.SecretAccessKey); err != nil {
		return fmt.Errorf("account %s is made, but its key could not be kept: %w (the key is lost)", out.Account.AccountID, err)
	}
	fmt.Printf("account %s, profile %s of %s (its root)\n", out.Account.AccountID, profile, f.credentials())
	return nil
}

func either(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// hasProfile tells whether a credentials file has a profile.
func hasProfile(path, profile string) (bool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	s := bufio.NewScanner(strings.NewReader(string(b)))
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); strings.HasPrefix(line, "[") && strings.Trim(line, "[] ") == profile {
			return true, nil
		}
	}
	return false, s.Err()
}

// addProfile appends a profile to a credentials file.
func addProfile(path, profile, id, secret string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := strings.TrimRight(string(b), "\n") + fmt.Sprintf("\n\n[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", profile, id, secret)
	return writeWhole(path, []byte(text), 0o600)
}

type listAccountsCommand struct {
	As string `help:"Profile of the first account." default:"default"`
}

// Run prints a line for each account.
func (a *listAccountsCommand) Run(c *commands) error {
	api, err := place{c.Data}.client(a.As)
	if err != nil {
		return err
	}
	var out struct {
		Accounts []struct{ AccountID, Name string }
	}
	if err := api.json(context.Background(), "ListAccounts", struct{}{}, &out); err != nil {
		return err
	}
	for _, a := range out.Accounts {
		fmt.Println(a.AccountID, a.Name)
	}
	return nil
}
