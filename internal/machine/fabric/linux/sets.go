package linux

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Types of keys and values as nft numbers them, so that it can print the sets.
const (
	typeAddress     = 7
	typeLink        = 41
	typeBound       = typeLink<<6 | typeAddress
	typeVerdict     = 0xffffff00
	setConcat       = 0x80 // NFT_SET_CONCAT
	setDescConcat   = 2    // NFTA_SET_DESC_CONCAT
	setFieldLength  = 1    // NFTA_SET_FIELD_LEN
	elementsAtOnce  = 300  // as many as an attribute's length can tell
	countedAtMost   = 65535
	lengthAddress   = 4
	lengthLink      = unix.IFNAMSIZ
	lengthOfVerdict = 16
	verdictGoto     = 1<<32 + unix.NFT_GOTO
)

var setIDs atomic.Uint32 // the kernel wants a number for each set that a batch makes

func (b *batch) addSet(name string, kind setKind) {
	flags, keyType, keyLength := uint32(0), uint32(typeAddress), uint32(lengthAddress)
	switch kind {
	case setBound:
		flags, keyType, keyLength = setConcat, typeBound, lengthLink+lengthAddress
	case setGo, setTranslation:
		flags = unix.NFT_SET_MAP
	case setLink:
		keyType, keyLength = typeLink, lengthLink
	case setLinkGo:
		flags, keyType, keyLength = unix.NFT_SET_MAP, typeLink, lengthLink
	case setCounted:
		flags, keyType, keyLength = unix.NFT_SET_EVAL, typeLink, lengthLink
	case setRated:
		flags, keyType, keyLength = unix.NFT_SET_EVAL|unix.NFT_SET_TIMEOUT, typeLink, lengthLink
	}
	b.message(unix.NFT_MSG_NEWSET, create, "add set "+name)
	b.text(unix.NFTA_SET_TABLE, tableName)
	b.text(unix.NFTA_SET_NAME, name)
	b.number(unix.NFTA_SET_FLAGS, flags)
	b.number(unix.NFTA_SET_KEY_TYPE, keyType)
	b.number(unix.NFTA_SET_KEY_LEN, keyLength)
	b.number(unix.NFTA_SET_ID, setIDs.Add(1))
	switch {
	case kind == setTranslation:
		b.number(unix.NFTA_SET_DATA_TYPE, typeAddress)
		b.number(unix.NFTA_SET_DATA_LEN, lengthAddress)
	case flags&unix.NFT_SET_MAP != 0:
		b.number(unix.NFTA_SET_DATA_TYPE, typeVerdict)
		b.number(unix.NFTA_SET_DATA_LEN, lengthOfVerdict)
	}
	if kind == setRated {
		b.bytes(unix.NFTA_SET_TIMEOUT, binary.BigEndian.AppendUint64(nil, uint64(rateMemory.Milliseconds())))
	}
	b.describe(kind, flags)
	b.done()
}

// describe adds a set's size, or the fields of a concatenated key.
func (b *batch) describe(kind setKind, flags uint32) {
	switch {
	case kind == setBound:
		b.nest(unix.NFTA_SET_DESC)
		b.nest(setDescConcat)
		for _, length := range []uint32{lengthLink, lengthAddress} {
			b.nest(unix.NFTA_LIST_ELEM)
			b.number(setFieldLength, length)
			b.close()
		}
		b.close()
		b.close()
	case flags&unix.NFT_SET_EVAL != 0:
		b.nest(unix.NFTA_SET_DESC)
		b.number(unix.NFTA_SET_DESC_SIZE, countedAtMost)
		b.close()
	}
}

func (b *batch) removeSet(name string) {
	b.message(unix.NFT_MSG_DELSET, 0, "remove set "+name)
	b.text(unix.NFTA_SET_TABLE, tableName)
	b.text(unix.NFTA_SET_NAME, name)
	b.done()
}

// elements adds (or removes) the elements of a set that others does not have with the same value.
func (b *batch) elements(kind int, name string, s set_, others map[string]string) {
	count := 0
	finish := func() {
		if count > 0 {
			b.close()
			b.done()
			b.end()
		}
		count = 0
	}
	for key, value := range s.elements {
		if other, ok := others[key]; ok && other == value {
			continue
		}
		if count == 0 {
			b.begin()
			b.message(kind, create, "elements of "+name)
			b.text(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
			b.text(unix.NFTA_SET_ELEM_LIST_SET, name)
			b.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		}
		b.element(s.kind, key, value)
		if count++; count == elementsAtOnce {
			finish()
		}
	}
	finish()
}

func (b *batch) element(kind setKind, key, value string) {
	b.nest(unix.NFTA_LIST_ELEM)
	b.nest(unix.NFTA_SET_ELEM_KEY)
	attribute(b, unix.NFTA_DATA_VALUE, key, 0)
	b.close()
	switch kind {
	case setTranslation:
		b.nest(unix.NFTA_SET_ELEM_DATA)
		attribute(b, unix.NFTA_DATA_VALUE, value, 0)
		b.close()
	case setGo, setLinkGo:
		b.nest(unix.NFTA_SET_ELEM_DATA)
		b.nest(unix.NFTA_DATA_VERDICT)
		b.number(unix.NFTA_VERDICT_CODE, verdictGoto)
		b.text(unix.NFTA_VERDICT_CHAIN, value)
		b.close()
		b.close()
	}
	b.close()
}
