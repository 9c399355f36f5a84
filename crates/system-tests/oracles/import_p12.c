/* Reads a .p12 as Windows does (PFXImportCertStore) and says what is in it:
   one line `certificates N` and one `keys N`, the certificates that have a private key.
   Usage: import_p12 FILE PASSWORD */

#include <stdio.h>
#include <stdlib.h>
#include <windows.h>
#include <wincrypt.h>

int main(int count, char **arguments)
{
    static BYTE octets[65536];
    WCHAR password[64];
    CRYPT_DATA_BLOB file = { 0, octets };
    PCCERT_CONTEXT certificate = NULL;
    HCERTSTORE store;
    int certificates = 0, keys = 0;
    FILE *stream;

    if (count != 3 || !(stream = fopen(arguments[1], "rb"))) {
        fprintf(stderr, "usage: import_p12 FILE PASSWORD\n");
        return 2;
    }
    file.cbData = fread(octets, 1, sizeof octets, stream);
    fclose(stream);
    MultiByteToWideChar(CP_ACP, 0, arguments[2], -1, password, 64);
    store = PFXImportCertStore(&file, password, CRYPT_EXPORTABLE | PKCS12_NO_PERSIST_KEY);
    if (!store) {
        fprintf(stderr, "refused: %08lx\n", (unsigned long)GetLastError());
        return 1;
    }
    while ((certificate = CertEnumCertificatesInStore(store, certificate))) {
        DWORD size = 0;
        certificates++;
        if (CertGetCertificateContextProperty(certificate, CERT_KEY_CONTEXT_PROP_ID, NULL, &size)
            || CertGetCertificateContextProperty(certificate, CERT_KEY_PROV_INFO_PROP_ID, NULL, &size))
            keys++;
    }
    printf("certificates %d\nkeys %d\n", certificates, keys);
    CertCloseStore(store, 0);
    return 0;
}
