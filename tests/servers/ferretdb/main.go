// Command ferretdb speaks MongoDB's wire protocol over SQLite, for the tests: ferretdb ADDRESS FOLDER.
//
// FerretDB 1 reads a document and then writes it, with nothing to hold it in between. MongoDB changes a
// document atomically, and that is what the store stands on, so writes go through here one at a time.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const (
	headerBytes = 16
	nameAt      = headerBytes + 4 + 1 + 4 + 1 // flags, kind of section, size of document, type of element
	maxBytes    = 48_000_000
)

var (
	oneWrite sync.RWMutex
	reads    = map[string]bool{"find": true, "getMore": true, "hello": true, "ping": true, "count": true}
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: ferretdb ADDRESS FOLDER")
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}, Handler: "sqlite", SQLiteURL: "file:" + os.Args[2] + "/",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go serve(server)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func serve(server *ferretdb.FerretDB) {
	inner, err := url.Parse(server.MongoDBURI())
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go relay(client, inner.Host)
	}
}

// relay carries one connection's commands to the server and its answers back.
func relay(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	for {
		command, err := message(client)
		if err != nil {
			return
		}
		answer, err := carriedOut(server, command)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

func carriedOut(server net.Conn, command []byte) ([]byte, error) {
	if len(command) > nameAt && reads[string(bytes.SplitN(command[nameAt:], []byte{0}, 2)[0])] {
		oneWrite.RLock()
		defer oneWrite.RUnlock()
	} else {
		oneWrite.Lock()
		defer oneWrite.Unlock()
	}
	if _, err := server.Write(command); err != nil {
		return nil, err
	}
	return message(server)
}

// message reads one message, which begins with its own length.
func message(from io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(length[:])
	if size < headerBytes || size > maxBytes {
		return nil, io.ErrUnexpectedEOF
	}
	all := make([]byte, size)
	copy(all, length[:])
	_, err := io.ReadFull(from, all[4:])
	return all, err
}
