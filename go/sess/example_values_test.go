package sess_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"example.com/libsess/go/sess"
)

// memory is a new session in memory, as PHP would have left it if there is a payload.
func memory(payload string) *sess.Session {
	m, err := sess.New(sess.Memory())
	if err != nil {
		log.Fatal(err)
	}
	s, err := m.Open(context.Background(), "")
	if err == nil && payload != "" {
		err = s.Decode([]byte(payload))
	}
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func ExampleGet() {
	s := memory(`visits|i:41;name|s:3:"Ada";`)
	defer s.Release()

	visits, err := sess.Get[int](s, "visits")
	fmt.Println(visits, err)
	_, err = sess.Get[int](s, "name")
	fmt.Println(errors.Is(err, sess.ErrType), err)
	_, err = sess.Get[int](s, "missing")
	fmt.Println(errors.Is(err, sess.ErrNotFound))
	// Output:
	// 41 <nil>
	// true sess: get: value has another type: int wanted, string found
	// true
}

func ExampleSession_Set() {
	s := memory("")
	defer s.Release()

	s.Set("visits", 42)
	s.Set("roles", []string{"user", "editor"})
	s.Set("prices", map[string]float64{"tea": 2.5, "cake": 4})
	payload, err := s.Encode()
	fmt.Printf("%s %v\n", payload, err)
	// Output:
	// visits|i:42;roles|a:2:{i:0;s:4:"user";i:1;s:6:"editor";}prices|a:2:{s:4:"cake";d:4;s:3:"tea";d:2.5;} <nil>
}

// Tags name the keys. PHP code stored the age as it came from a form.
func ExampleSession_Unmarshal() {
	type User struct {
		ID    int      `sess:"id"`
		Age   int      `sess:"age,loose"`
		Roles []string `sess:"roles"`
		Cache any      `sess:"-"`
	}
	s := memory(`user|a:3:{s:2:"id";i:7;s:3:"age";s:2:"36";s:5:"roles";a:1:{i:0;s:5:"admin";}}cart|a:0:{}`)
	defer s.Release()

	var data struct {
		User User              `sess:"user"`
		Cart map[string]string `sess:"cart"`
	}
	err := s.Unmarshal(&data)
	fmt.Printf("%+v %v\n", data, err)
	// Output:
	// {User:{ID:7 Age:36 Roles:[admin] Cache:<nil>} Cart:map[]} <nil>
}

func ExampleValue_Loose() {
	s := memory(`quantity|s:2:"42";`)
	defer s.Release()

	_, err := sess.Get[int](s, "quantity")
	fmt.Println(errors.Is(err, sess.ErrType))
	n, err := sess.As[int](s.Value("quantity").Loose())
	fmt.Println(n, err)
	// Output:
	// true
	// 42 <nil>
}

// Objects keep all that PHP knows about them; what is inside can be looked at.
func ExampleValue_Key() {
	s := memory("user|O:8:\"App\\User\":2:{s:4:\"name\";s:3:\"Ada\";s:8:\"\x00*\x00level\";i:3;}")
	defer s.Release()

	user := s.Value("user")
	level, err := sess.As[int](user.Key("level"))
	fmt.Println(user.Kind(), user.Class(), user.Len(), level, err)
	// Output:
	// object App\User 2 3 <nil>
}

func ExampleArray() {
	v, err := sess.ValueOf(sess.Array{"z", 1, "a", sess.Array{0, "first"}, 7, nil})
	fmt.Printf("%s %v\n", v.Serialize(), err)
	for key, value := range v.All() {
		fmt.Println(key, value.Kind())
	}
	// Output:
	// a:3:{s:1:"z";i:1;s:1:"a";a:1:{i:0;s:5:"first";}i:7;N;} <nil>
	// z int
	// a list
	// 7 null
}

func ExampleSerialized() {
	v, err := sess.Serialized([]byte(`a:2:{s:1:"0";d:0.50;i:1;S:1:"\41";}`))
	fmt.Printf("%s %v\n", v.Serialize(), err)
	_, err = sess.Serialized([]byte(`a:2:{i:0;N;}`))
	fmt.Println(errors.Is(err, sess.ErrData), err)
	// Output:
	// a:2:{i:0;d:0.5;i:1;s:1:"A";} <nil>
	// true sess: a key is neither int nor string at byte 11
}
