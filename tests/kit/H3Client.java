// SPDX-License-Identifier: Apache-2.0 OR MIT
// The HTTP/3 client of Java's library (JDK 26 and later), as a process: a line a request, a line an answer, in any order.
//
//     number TAB method TAB url TAB content in base64 or "-" TAB name: value TAB name: value …
//     number TAB status TAB version TAB content in base64 TAB name: value …       or       number TAB ! TAB what went wrong
//
// Its argument is the file of the certificate that it trusts.

import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpOption;
import java.net.http.HttpOption.Http3DiscoveryMode;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Base64;
import java.util.Scanner;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class H3Client {
    static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(new FileInputStream(file)));
        TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    static HttpRequest request(String[] parts) {
        byte[] content = parts[3].equals("-") ? null : Base64.getDecoder().decode(parts[3]);
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(parts[2]))
            .setOption(HttpOption.H3_DISCOVERY, Http3DiscoveryMode.HTTP_3_URI_ONLY)
            .timeout(Duration.ofSeconds(20))
            .method(parts[1], content == null ? BodyPublishers.noBody() : BodyPublishers.ofByteArray(content));
        for (int at = 4; at < parts.length; at++) {
            String[] field = parts[at].split(": ", 2);
            builder.header(field[0], field[1]);
        }
        return builder.build();
    }

    static String line(HttpResponse<byte[]> answer) {
        StringBuilder text = new StringBuilder();
        text.append(answer.statusCode()).append('\t').append(answer.version()).append('\t');
        text.append(Base64.getEncoder().encodeToString(answer.body()));
        answer.headers().map().forEach((name, values) -> text.append('\t').append(name).append(": ").append(values.get(0)));
        return text.toString();
    }

    static synchronized void say(String number, String text) {
        System.out.println(number + "\t" + text);
        System.out.flush();
    }

    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(Version.HTTP_3).sslContext(trusting(arguments[0])).build();
        Scanner lines = new Scanner(System.in).useDelimiter("\n");
        while (lines.hasNext()) {
            String[] parts = lines.next().split("\t");
            client.sendAsync(request(parts), BodyHandlers.ofByteArray()).whenComplete(
                (answer, failure) -> say(parts[0], failure == null ? line(answer) : "!\t" + failure));
        }
        client.close();
    }
}
