package image

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// User gives the numbers of the user that the image wants to run as: USER is a name or a number,
// perhaps with a group after a colon. Names are looked up in the image's own files.
func (u Unpacked) User() (uid, gid uint32, err error) {
	user, group, hasGroup := strings.Cut(u.Config.User, ":")
	if user != "" {
		fields, err := u.account("etc/passwd", user)
		if err != nil {
			return 0, 0, fmt.Errorf("user %q of the image: %w", user, err)
		}
		if uid, err = number(fields, 2, user); err != nil {
			return 0, 0, fmt.Errorf("user %q of the image: %w", user, err)
		}
		if fields != nil {
			if gid, err = number(fields, 3, ""); err != nil {
				return 0, 0, fmt.Errorf("user %q of the image: %w", user, err)
			}
		}
	}
	if hasGroup && group != "" {
		fields, err := u.account("etc/group", group)
		if err != nil {
			return 0, 0, fmt.Errorf("group %q of the image: %w", group, err)
		}
		if gid, err = number(fields, 2, group); err != nil {
			return 0, 0, fmt.Errorf("group %q of the image: %w", group, err)
		}
	}
	return uid, gid, nil
}

// longestAccounts is how much is read of a file of accounts, which a stranger made.
const longestAccounts = 4 << 20

// account finds the line of a name or number; nil when there is none, or no such file.
func (u Unpacked) account(file, name string) ([]string, error) {
	root, err := os.OpenRoot(u.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	in, err := root.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	lines := bufio.NewScanner(io.LimitReader(in, longestAccounts))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) >= 4 && (fields[0] == name || fields[2] == name) {
			return fields, nil
		}
	}
	return nil, lines.Err()
}

func number(fields []string, at int, name string) (uint32, error) {
	if fields != nil {
		name = fields[at]
	}
	n, err := strconv.ParseUint(name, 10, 31)
	if err != nil {
		return 0, errors.New("it is not in the image and no number")
	}
	return uint32(n), nil
}
