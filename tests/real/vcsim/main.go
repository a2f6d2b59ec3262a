// Command vcsim is the test vCenter: govmomi's simulator, with what the tests need of a real vCenter
// that the stock command lacks:
//
//   - /folder (the datastore browser) asks for a session cookie or HTTP Basic, as vCenter does;
//   - disks have redo logs, tracked changes and export leases, and a guest that writes (package simulator);
//   - the storage policy service also answers on /pbm/sdk, the path clients use;
//   - every request is written to a log, so that a test can prove which calls were made;
//   - it ends, and removes its files, when its standard input closes: a killed test leaves nothing.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	pbm "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"

	_ "github.com/vmware/govmomi/sts/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

func main() {
	model := simulator.VPX()
	flag.IntVar(&model.Datacenter, "dc", 1, "number of datacenters")
	flag.IntVar(&model.Cluster, "cluster", 0, "number of clusters")
	flag.IntVar(&model.ClusterHost, "host", 0, "number of hosts in a cluster")
	flag.IntVar(&model.Host, "standalone-host", 0, "number of hosts outside clusters")
	flag.IntVar(&model.Datastore, "ds", 0, "number of datastores")
	flag.IntVar(&model.Portgroup, "pg", 0, "number of distributed port groups")
	flag.IntVar(&model.PortgroupNSX, "pg-nsx", 0, "number of NSX port groups")
	flag.IntVar(&model.OpaqueNetwork, "nsx", 0, "number of opaque networks")
	flag.IntVar(&model.Pool, "pool", 0, "number of resource pools in a cluster")
	flag.IntVar(&model.App, "app", 0, "number of vApps in a cluster")
	flag.IntVar(&model.Pod, "pod", 0, "number of storage pods")
	flag.IntVar(&model.Folder, "folder", 0, "number of folders")
	flag.IntVar(&model.Machine, "vm", 0, "number of VMs in a resource pool")
	flag.BoolVar(&model.Autostart, "autostart", true, "power on the model's VMs")
	flag.IntVar(&model.DelayConfig.Delay, "delay", 0, "delay of every method, milliseconds")
	listen := flag.String("l", "127.0.0.1:0", "listen address")
	apiVersion := flag.String("api-version", "8.0.3.0", "the API version to report")
	username := flag.String("username", "", "the only login that is accepted")
	passwordFile := flag.String("password-file", "", "file with its password")
	cert := flag.String("tlscert", "", "certificate (PEM)")
	key := flag.String("tlskey", "", "private key (PEM)")
	load := flag.String("load", "", "load the inventory from a directory of govc object.save")
	requestLog := flag.String("request-log", "", "append one JSON line for each request to this file")
	esx := flag.Bool("esx", false, "be an ESXi host that no vCenter manages, with its own VMs only")
	flag.Parse()
	if *esx {
		host := simulator.ESX()
		host.Machine, host.Autostart = model.Machine, model.Autostart
		model = host
	}

	password, err := os.ReadFile(*passwordFile)
	check(err)
	model.ServiceContent.About.ApiVersion = *apiVersion
	model.ServiceContent.About.Version = strings.TrimSuffix(*apiVersion, ".0")
	if *load != "" {
		check(model.Load(*load))
	} else {
		check(model.Create())
	}
	defer model.Remove()

	user := url.UserPassword(*username, strings.TrimSpace(string(password)))
	model.Service.Listen = &url.URL{Host: *listen, User: user}
	model.Service.TLS = new(tls.Config)
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		check(err)
		model.Service.TLS.Certificates = []tls.Certificate{pair}
	}
	model.Service.RegisterEndpoints = true
	model.Service.RegisterSDK(pbm.New(), "/pbm/sdk")
	server := model.Service.NewServer()
	defer server.Close()

	recorder := &recorder{}
	if *requestLog != "" {
		recorder.file, err = os.OpenFile(*requestLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		check(err)
	}
	data := simulator.WithDataFaults(model.Map(), server.Config.Handler)
	server.Config.Handler = recorder.wrap(authenticated(model.Map(), user, data))

	fmt.Printf("{\"url\": %q, \"pid\": %d}\n", (&url.URL{
		Scheme: server.URL.Scheme, Host: server.URL.Host, Path: server.URL.Path}).String(), os.Getpid())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop <- syscall.SIGTERM
	}()
	<-stop
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// guarded tells which paths are not for everyone: the datastore browser and the control endpoints.
func guarded(path string) bool {
	return strings.HasPrefix(path, "/folder") || strings.HasPrefix(path, "/mtv/")
}

// authenticated lets only a live session, or the right HTTP Basic pair, through to guarded paths.
func authenticated(registry *simulator.Registry, user *url.Userinfo, next http.Handler) http.Handler {
	allowed := func(r *http.Request) bool {
		if name, word, ok := r.BasicAuth(); ok {
			want, _ := user.Password()
			return name == user.Username() && word == want
		}
		cookie, err := r.Cookie(soap.SessionCookieName)
		if err != nil {
			return false
		}
		return simulator.IsLogin(registry, cookie.Value, user.Username())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if guarded(r.URL.Path) && !allowed(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="VMware HTTP server"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recorder writes one line for each request: what was called on which object, and how it was answered.
type recorder struct {
	lock sync.Mutex
	file *os.File
}

type entry struct {
	Time   string `json:"time"`
	Verb   string `json:"verb"`
	Path   string `json:"path"`
	Range  string `json:"range,omitempty"`
	Method string `json:"method,omitempty"`
	Object string `json:"object,omitempty"`
	Status int    `json:"status"`
	Bytes  int64  `json:"bytes"`
}

type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counted) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

func (c *counted) Unwrap() http.ResponseWriter {
	return c.ResponseWriter
}

func (c *counted) Flush() {
	if f, ok := c.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (r *recorder) wrap(next http.Handler) http.Handler {
	if r.file == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/mtv/disks/") { // no client's doing, and hundreds a second
			next.ServeHTTP(w, req)
			return
		}
		line := entry{
			Time: time.Now().UTC().Format(time.RFC3339Nano), Verb: req.Method,
			Path: req.URL.RequestURI(), Range: req.Header.Get("Range"),
		}
		if req.Method == http.MethodPost && strings.Contains(req.Header.Get("Content-Type"), "xml") {
			body, err := io.ReadAll(req.Body)
			if err == nil {
				line.Method, line.Object = soapCall(body)
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
		}
		out := &counted{ResponseWriter: w, status: http.StatusOK}
		defer func() { // also when the connection is cut, for which a handler panics
			line.Status, line.Bytes = out.status, out.bytes
			text, _ := json.Marshal(line)
			r.lock.Lock()
			defer r.lock.Unlock()
			_, _ = r.file.Write(append(text, '\n'))
		}()
		next.ServeHTTP(out, req)
	})
}

// soapCall answers the method name and the object (Type:value) of a SOAP request.
func soapCall(body []byte) (string, string) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	method, inBody := "", false
	for {
		token, err := decoder.Token()
		if err != nil {
			return method, ""
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case !inBody:
			inBody = start.Name.Local == "Body"
		case method == "":
			method = start.Name.Local
		case start.Name.Local == "_this":
			var value string
			_ = decoder.DecodeElement(&value, &start)
			for _, attribute := range start.Attr {
				if attribute.Name.Local == "type" {
					return method, attribute.Value + ":" + value
				}
			}
			return method, value
		default:
			return method, ""
		}
	}
}
