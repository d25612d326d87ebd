// Go 4 to 6: the package vault. A line of JSON in, a line of JSON out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/workos/workos-go/v6/pkg/portal"
	"github.com/workos/workos-go/v6/pkg/vault"
	"github.com/workos/workos-go/v6/pkg/workos_errors"
)

type members = map[string]any

type asked struct {
	Call      string
	Token     string
	Arguments struct {
		Id, Name, Value, Text, Ciphertext, Keys string
		After, Before, Order                    string
		Organization, Intent                    string
		ReturnURL                               string `json:"return_url"`
		SuccessURL                              string `json:"success_url"`
		Limit                                   int
		Context                                 vault.KeyContext
		VersionCheck                            string `json:"version_check"`
		AssociatedData                          string `json:"associated_data"`
	}
}

func main() {
	vaults := map[string]*vault.Client{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var it asked
		if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
			panic(err)
		}
		if vaults[it.Token] == nil {
			vaults[it.Token] = &vault.Client{APIKey: it.Token, Endpoint: os.Args[1]}
		}
		answer := members{}
		if returned, err := call(vaults[it.Token], it); err != nil {
			answer = raised(err)
		} else {
			answer["returned"] = returned
		}
		line, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(line))
	}
}

func raised(err error) members {
	var refused workos_errors.HTTPError
	if errors.As(err, &refused) {
		return members{"raised": fmt.Sprintf("HTTPError(%d)", refused.Code), "message": refused.Message, "trace": err.Error()}
	}
	return members{"raised": fmt.Sprintf("%T", err), "message": err.Error(), "trace": err.Error()}
}

func call(client *vault.Client, it asked) (any, error) {
	here, given := context.Background(), it.Arguments
	vault.DefaultClient = client // of Encrypt and Decrypt, which take no other
	switch it.Call {
	case "create":
		return client.CreateObject(here, vault.CreateObjectOpts{Name: given.Name, Value: given.Value, KeyContext: given.Context})
	case "read":
		return client.ReadObject(here, vault.ReadObjectOpts{Id: given.Id})
	case "read_by_name":
		return client.ReadObjectByName(here, vault.ReadObjectByNameOpts{Name: given.Name})
	case "describe":
		described, err := client.DescribeObject(here, vault.ReadObjectOpts{Id: given.Id})
		return withoutValue(described), err
	case "update":
		updated, err := client.UpdateObject(here, vault.UpdateObjectOpts{Id: given.Id, Value: given.Value, VersionCheck: given.VersionCheck})
		return withoutValue(updated), err
	case "delete":
		return client.DeleteObject(here, vault.DeleteObjectOpts{Id: given.Id})
	case "versions":
		versions, err := client.ListObjectVersions(here, vault.ReadObjectOpts{Id: given.Id})
		return versions.Data, err
	case "walk":
		return walk(here, client)
	case "page":
		return page(client.ListObjects(here, vault.ListObjectsOpts{
			Limit: given.Limit, After: given.After, Before: given.Before, Order: vault.Order(given.Order),
		}))
	case "create_data_key":
		return client.CreateDataKey(here, vault.CreateDataKeyOpts{KeyContext: given.Context})
	case "decrypt_data_key":
		return client.DecryptDataKey(here, vault.DecryptDataKeyOpts{Keys: given.Keys})
	case "encrypt":
		return vault.Encrypt(here, vault.EncryptOpts{Data: given.Text, KeyContext: given.Context, AssociatedData: given.AssociatedData})
	case "decrypt":
		return vault.Decrypt(here, vault.DecryptOpts{Data: given.Ciphertext, AssociatedData: given.AssociatedData})
	case "generate_link":
		pages := portal.Client{APIKey: it.Token, Endpoint: os.Args[1]}
		return pages.GenerateLink(here, portal.GenerateLinkOpts{
			Intent: portal.GenerateLinkIntent(given.Intent), Organization: given.Organization,
			ReturnURL: given.ReturnURL, SuccessURL: given.SuccessURL,
		})
	}
	return nil, errors.New("no such call: " + it.Call)
}

// withoutValue leaves out what the struct shows as an empty text where the answer had none.
func withoutValue(it vault.Object) members {
	return members{"id": it.Id, "name": it.Name, "metadata": it.Metadata}
}

func walk(here context.Context, client *vault.Client) (any, error) {
	rows, after := []vault.ObjectDigest{}, ""
	for {
		list, err := client.ListObjects(here, vault.ListObjectsOpts{After: after})
		if err != nil {
			return nil, err
		}
		rows = append(rows, list.Data...)
		if after = list.ListMetadata.After; after == "" {
			return rows, nil
		}
	}
}

func page(list vault.ListObjectsResponse, err error) (any, error) {
	return members{
		"rows": list.Data, "before": orNull(list.ListMetadata.Before), "after": orNull(list.ListMetadata.After),
	}, err
}

func orNull(cursor string) any {
	if cursor == "" {
		return nil
	}
	return cursor
}
