// Fetches properties in bulk as a client of govmomi does, for benchmarks/collecting.py to compare with.
//
// On standard input: {"url": ..., "ca": FILE, "version": "8.0.3.0", "page": 250, "sets": [{"Type": ["path", ...]}]};
// the user's name and password are in GOVC_USERNAME and GOVC_PASSWORD. Each set is one retrieval over
// a view of the whole inventory. Writes {"objects": N, "seconds": S}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type task struct {
	URL, CA, Version string
	Page             int32
	Sets             []map[string][]string
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	var t task
	check(json.NewDecoder(os.Stdin).Decode(&t))
	ctx := context.Background()
	began := time.Now()
	u, err := soap.ParseURL(t.URL)
	check(err)
	s := soap.NewClient(u, false)
	check(s.SetRootCAs(t.CA))
	c, err := vim25.NewClient(ctx, s)
	check(err)
	c.Version = t.Version
	_, err = methods.Login(ctx, c, &types.Login{
		This:     *c.ServiceContent.SessionManager,
		UserName: os.Getenv("GOVC_USERNAME"), Password: os.Getenv("GOVC_PASSWORD"),
	})
	check(err)
	objects := 0
	for _, set := range t.Sets {
		objects += fetch(ctx, c, set, t.Page)
	}
	fmt.Printf("{\"objects\": %d, \"seconds\": %.3f}\n", objects, time.Since(began).Seconds())
}

func fetch(ctx context.Context, c *vim25.Client, set map[string][]string, page int32) int {
	var kinds []string
	var props []types.PropertySpec
	for kind, paths := range set {
		kinds = append(kinds, kind)
		props = append(props, types.PropertySpec{Type: kind, PathSet: paths})
	}
	v, err := view.NewManager(c).CreateContainerView(ctx, c.ServiceContent.RootFolder, kinds, true)
	check(err)
	walk := types.TraversalSpec{Type: "ContainerView", Path: "view", Skip: types.NewBool(false)}
	req := types.RetrievePropertiesEx{
		This: property.DefaultCollector(c).Reference(),
		SpecSet: []types.PropertyFilterSpec{{
			ObjectSet: []types.ObjectSpec{{
				Obj: v.Reference(), Skip: types.NewBool(true), SelectSet: []types.BaseSelectionSpec{&walk},
			}},
			PropSet: props,
		}},
		Options: types.RetrieveOptions{MaxObjects: page},
	}
	res, err := methods.RetrievePropertiesEx(ctx, c, &req)
	check(err)
	count, token := 0, ""
	if res.Returnval != nil {
		count, token = len(res.Returnval.Objects), res.Returnval.Token
	}
	for token != "" {
		more, err := methods.ContinueRetrievePropertiesEx(ctx, c, &types.ContinueRetrievePropertiesEx{
			This: req.This, Token: token,
		})
		check(err)
		count += len(more.Returnval.Objects)
		token = more.Returnval.Token
	}
	return count
}
