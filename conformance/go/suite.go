// The AWS SDK for Go v2 against Millrace.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
)

var ctx = context.Background()

// plainBodies hides WriteTo of a request's body. The SDK closes the body once the answer is there, and its
// WriteTo then answers io.EOF where the contract says nil: net/http, which looks for bytes beyond the
// declared length after it has sent the body, takes that for a failed write and closes the connection under
// the answer. A server quicker than that look, as one on loopback is, loses the race now and then.
type plainBodies struct{ http.RoundTripper }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.RoundTripper.RoundTrip(r)
}

func client(secret string) *kinesis.Client {
	transport := &http.Transport{}
	if file := os.Getenv("CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
		transport.ForceAttemptHTTP2 = true
	}
	return kinesis.New(kinesis.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(os.Getenv("ENDPOINT")),
		HTTPClient:       &http.Client{Transport: plainBodies{transport}},
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: secret}, nil
		}),
	})
}

var k = client("test")

func stream(shards int32) (string, error) {
	raw := make([]byte, 6)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	name := "go-" + hex.EncodeToString(raw)
	if _, err := k.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards}); err != nil {
		return "", err
	}
	return name, active(name)
}

func active(name string) error {
	for range 200 {
		d, err := k.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
		if err != nil {
			return err
		}
		if d.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return nil
		}
		time.Sleep(25 * time.Millisecond)
	}
	return errors.New("never ACTIVE")
}

func putAndGet() error {
	name, err := stream(1)
	if err != nil {
		return err
	}
	data := bytes.Repeat([]byte{0, 255, 7}, 1000)
	put, err := k.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: &name, Data: data, PartitionKey: aws.String("a")})
	if err != nil {
		return err
	}
	entries := make([]types.PutRecordsRequestEntry, 100)
	for i := range entries {
		entries[i] = types.PutRecordsRequestEntry{Data: []byte(fmt.Sprint(i)), PartitionKey: aws.String(fmt.Sprint(i))}
	}
	puts, err := k.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: &name, Records: entries})
	if err != nil {
		return err
	}
	if *puts.FailedRecordCount != 0 {
		return fmt.Errorf("%d records failed", *puts.FailedRecordCount)
	}
	it, err := k.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName: &name, ShardId: put.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		return err
	}
	got, err := k.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: it.ShardIterator})
	if err != nil {
		return err
	}
	if len(got.Records) != 101 || !bytes.Equal(got.Records[0].Data, data) {
		return fmt.Errorf("read %d records", len(got.Records))
	}
	return nil
}

func paginator() error {
	name, err := stream(5)
	if err != nil {
		return err
	}
	pages := kinesis.NewDescribeStreamPaginator(k, &kinesis.DescribeStreamInput{StreamName: &name, Limit: aws.Int32(2)})
	shards := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		shards += len(page.StreamDescription.Shards)
	}
	if shards != 5 {
		return fmt.Errorf("%d shards", shards)
	}
	return nil
}

func subscribe() error {
	name, err := stream(1)
	if err != nil {
		return err
	}
	d, err := k.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	if err != nil {
		return err
	}
	registered, err := k.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: d.StreamDescriptionSummary.StreamARN, ConsumerName: aws.String("reader"),
	})
	if err != nil {
		return err
	}
	arn := registered.Consumer.ConsumerARN
	for range 200 {
		c, err := k.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{ConsumerARN: arn})
		if err != nil {
			return err
		}
		if c.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	out, err := k.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: arn, ShardId: aws.String("shardId-000000000000"),
		StartingPosition: &types.StartingPosition{Type: types.ShardIteratorTypeLatest},
	})
	if err != nil {
		return err
	}
	defer out.GetStream().Close()
	if _, err := k.PutRecord(ctx, &kinesis.PutRecordInput{
		StreamName: &name, Data: []byte("pushed"), PartitionKey: aws.String("a"),
	}); err != nil {
		return err
	}
	timeout := time.After(10 * time.Second)
	for {
		select {
		case event, open := <-out.GetStream().Events():
			if !open {
				return fmt.Errorf("stream ended: %v", out.GetStream().Err())
			}
			pushed, is := event.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
			if is && len(pushed.Value.Records) > 0 {
				if string(pushed.Value.Records[0].Data) != "pushed" {
					return errors.New("another record was pushed")
				}
				return nil
			}
		case <-timeout:
			return errors.New("nothing was pushed")
		}
	}
}

func errorsHaveTheirType() error {
	_, err := k.DescribeStream(ctx, &kinesis.DescribeStreamInput{StreamName: aws.String("nowhere")})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		return fmt.Errorf("not a ResourceNotFoundException: %v", err)
	}
	_, err = client("wrong").ListStreams(ctx, &kinesis.ListStreamsInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidSignatureException" {
		return fmt.Errorf("not an InvalidSignatureException: %v", err)
	}
	return nil
}

func main() {
	failed := 0
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"put_and_get", putAndGet},
		{"paginator", paginator},
		{"subscribe_to_shard", subscribe},
		{"errors_have_their_type", errorsHaveTheirType},
	} {
		if err := c.run(); err != nil {
			failed++
			fmt.Printf("not ok %s # %s\n", c.name, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		fmt.Printf("ok %s\n", c.name)
	}
	if failed > 0 {
		os.Exit(1)
	}
}
