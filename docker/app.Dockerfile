# Your application on owind: `dotnet publish -o publish`, then `docker build -f app.Dockerfile -t shop .`
# A class library has no runtimeconfig.json to be found by: name it, ENV OWIND_APP=/app/Shop.dll
ARG OWIND_IMAGE=owind
FROM ${OWIND_IMAGE}
COPY publish/ /app/
