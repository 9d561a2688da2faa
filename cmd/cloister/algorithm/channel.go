package algorithm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"cloister/internal/engine/recordio"
)

// channel gives the rows of an input channel in passes: all files below its directory in the order
// of their names, or in Pipe mode one FIFO for each pass.
type channel struct {
	name, directory string
	content         recordio.ContentType
	contentText     string
	dim             int
	pipe            bool
	pass            int
	mayBeEmpty      bool // for a host of several: there may be fewer objects than hosts

	files []string // still to read in this pass
	open  *os.File
	rows  *recordio.RowReader
	bytes int64 // of the files begun
}

func (p program) openChannel(name string, c channelConfiguration, dim, hosts int) (*channel, error) {
	content, err := c.contentType()
	if err != nil {
		return nil, err
	}
	ch := &channel{
		name: name, directory: filepath.Join(p.root, "input", "data", name),
		content: content, contentText: c.ContentType, dim: dim, pipe: c.TrainingInputMode == "Pipe",
		mayBeEmpty: hosts > 1 && c.S3DistributionType == "ShardedByS3Key",
	}
	if ch.contentText == "" {
		ch.contentText = string(content.Format)
	}
	return ch, ch.list()
}

// list finds what this pass reads.
func (c *channel) list() error {
	if c.pipe {
		c.files = []string{c.directory + "_" + strconv.Itoa(c.pass)}
		return nil
	}
	c.files = nil
	err := filepath.WalkDir(c.directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			c.files = append(c.files, path)
		}
		return err
	})
	if c.mayBeEmpty && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(c.files) == 0 {
		return customer(fmt.Errorf("Input channel '%s' has no files", c.name))
	}
	return err
}

// Restart begins the next pass.
func (c *channel) Restart() error {
	c.close()
	c.pass++
	return c.list()
}

func (c *channel) close() {
	if c.open != nil {
		c.open.Close()
		c.open, c.rows = nil, nil
	}
}

// Read fills rows from as many files as it takes.
func (c *channel) Read(rows []float32) (int, error) {
	for n := 0; ; {
		if (n+1)*c.dim > len(rows) {
			return n, nil
		}
		if c.rows == nil {
			if len(c.files) == 0 && n == 0 {
				return 0, io.EOF
			}
			if len(c.files) == 0 {
				return n, nil
			}
			if err := c.next(); err != nil {
				return 0, err
			}
		}
		err := c.rows.Read(rows[n*c.dim : (n+1)*c.dim])
		if err == io.EOF {
			c.close()
			continue
		}
		if err != nil {
			return 0, c.fault(err)
		}
		n++
	}
}

func (c *channel) next() error {
	file, err := os.Open(c.files[0])
	if err != nil {
		return err
	}
	c.files, c.open = c.files[1:], file
	if info, err := file.Stat(); err == nil {
		c.bytes += info.Size()
	}
	c.rows, err = recordio.NewRowReader(file, c.content)
	return err
}

// fault says which file is bad and how. A fault of the disk is not the customer's.
func (c *channel) fault(err error) error {
	if errors.As(err, new(*fs.PathError)) {
		return err
	}
	return customer(fmt.Errorf("Unable to read data channel '%s'. Requested content-type is '%s'. Please verify the data matches the requested content-type. (caused by %s: %w)",
		c.name, c.contentText, filepath.Base(c.open.Name()), err))
}
